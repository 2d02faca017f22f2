"""Where a finding ends: at whole words with what is glued to them, the initial before a name, the label of a number."""

import re

_GLUED_BEFORE = re.compile(r"(?:\w|(?<=\w)['’ʻ](?=\w{2}))+\Z")
_GLUED_AFTER = re.compile(r"(?:\w|['’ʻ](?=\w{3}))+")
_APOSTROPHES = "'’ʻ"
_INITIALS = re.compile(r"(?<![\w'’.])(?:[^\W\d_]\. ?){1,2}\Z")
_ASIDE = re.compile(r"\b(?:am|did|do|does|was|were|have|had|can|could|will|would|should|must|may|than|and|but|or|so) I\. ?\Z")
_LABEL = re.compile(r"\b(?:User|ID|Id|Case|Ticket|Order|Account|Record|Error|Ref|No)[ #:]\Z")
_REACH = 40
"""Characters beside a finding that are looked at."""


def whole(turn: str, start: int, end: int, kind: str) -> tuple[int, int]:
    """Grow a finding to what belongs to it.

    Args:
        turn: the text.
        start: first character of the finding.
        end: one past its last.
        kind: type of the finding.

    Returns:
        Start and end (exclusive), without marks before a name, else never inside the given ones.
    """
    while start < end - 1 and kind == "PERSON" and not turn[start].isalnum():
        start += 1
    if turn[start].isalnum() and (glued := _GLUED_BEFORE.search(turn, max(0, start - _REACH), start)):
        start = glued.start()
    if (turn[end - 1].isalnum() or turn[end - 1] in _APOSTROPHES) and (glued := _GLUED_AFTER.match(turn, end)):
        end = glued.end()
    if kind == "PERSON" and (initials := _INITIALS.search(turn, max(0, start - _REACH), start)):
        aside = _ASIDE.search(turn, max(0, start - _REACH), start)
        start = start if aside else initials.start()
    if kind == "ID" and any(map(str.isdigit, turn[start:end])) and (label := _LABEL.search(turn, max(0, start - _REACH), start)):
        start = label.start()
    return start, end
