"""Where a person works, studies or is treated: by kind ("X Hospital"), by head ("University of X"), by cue ("I work at X")."""

import re
from collections.abc import Iterator

from components.anonymize import lexicon
from components.anonymize.document import Document
from components.anonymize.recognizers.base import Finding, Recognizer
from components.anonymize.tokens import Token

_LONGEST = 6
"""Words of the longest name of a body, its kind left out."""
_LINKS = frozenset({"of", "for", "and", "the", "de", "du", "la", "del", "on", "des", "und", "e", "y"})
_GAPS = frozenset({" ", " & ", "&", "-", " - "})
_PLACED = frozenset({"of", "for", "in", "at"})
_PREPOSITIONS = frozenset({"at", "for", "with", "by", "from", "in"})
_CALLED = frozenset({"place", "firm", "company", "startup", "shop", "school", "clinic", "charity", "band", "team"})
_DIRECT_CUES = frozenset({"at", "attend", "attends", "attended", "attending", "employer"})


class OrganizationRecognizer(Recognizer):
    """Employers, schools, hospitals and other bodies that point at a person."""

    TYPE = "ORGANIZATION"
    _NUMBERED = re.compile(
        r"\b(?:school|clinic|hospital|lyceum|polyclinic|kindergarten)\s(?:no\.?|number|#|№)\s?\d{1,4}"
        r"|\b(?:школ[аеуы]|лице[йея]|больниц[аеуы]|поликлиник[аеуи])\s(?:№|номер)\s?\d{1,4}|\b\d{1,4}-(?:maktab|sonli\s\w{1,20}|школ\w)"
    )

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield bodies; a kind alone ("the Hospital", "Health Care") is none."""
        tokens = document.tokens
        if document.has_capital:
            kinds, heads = lexicon.words("organization_kinds"), lexicon.words("organization_heads")
            cues = lexicon.words("organization_cues")
            for number, token in enumerate(tokens):
                if token.key in kinds and not token.small:
                    yield from _by_kind(tokens, number)
                if token.key in heads and token.capitalised:
                    yield from _by_head(tokens, number)
                if token.key in {"st", "saint"} and token.capitalised:
                    yield from _by_saint(tokens, number, kinds)
                if (
                    token.key in _DIRECT_CUES
                    or (token.key in _PREPOSITIONS and _worked(tokens, number, cues))
                    or (
                        token.key == "called"
                        and number
                        and (tokens[number - 1].key in _CALLED or tokens[max(0, number - 2)].key in _CALLED)
                    )
                ):
                    yield from _by_cue(document, number + 1)
        if document.has_digit:
            for match in self._NUMBERED.finditer(document.folded):
                yield match.start(), match.end(), 0.65


def _by_kind(tokens: list[Token], number: int) -> Iterator[Finding]:
    """A kind with words of its own before it: "Northgate Foods", "St. Mary's Hospital"."""
    first = _leftmost(tokens, number)
    if first == number:
        return
    last = number
    if number + 1 < len(tokens) and tokens[number + 1].key in _PLACED and tokens[number + 1].before == " ":
        last = max(number, _rightmost(tokens, number + 1))
    if _telling(tokens, first, last):
        yield tokens[first].start, tokens[last].end, 0.7


def _telling(tokens: list[Token], first: int, last: int) -> bool:
    """A public body needs a word that is no ordinary one ("Varna Court", not "Supreme Court"); a business goes by any words."""
    bodies = [token for token in tokens[first : last + 1] if not token.small]
    if not any(token.key in lexicon.words("public_bodies") for token in bodies):
        return True
    return any(token.facts & lexicon.ORDINARY == 0 and token.key not in lexicon.words("organization_kinds") for token in bodies)


def _by_head(tokens: list[Token], number: int) -> Iterator[Finding]:
    """Find "University of X": a head, a link and a capital."""
    if number + 2 >= len(tokens) or tokens[number + 1].key not in {"of", "for"} or tokens[number + 1].before != " ":
        return
    last = _rightmost(tokens, number + 1)
    if last > number + 1 and _telling(tokens, first := _leftmost(tokens, number), last):
        yield tokens[first].start, tokens[last].end, 0.7


def _by_saint(tokens: list[Token], number: int, kinds: frozenset[str]) -> Iterator[Finding]:
    if number + 1 < len(tokens) and tokens[number + 1].capitalised and tokens[number + 1].before in {" ", ". "}:
        last = number + 1
        if last + 1 < len(tokens) and tokens[last + 1].key in kinds and not tokens[last + 1].small:
            last += 1
        yield tokens[number].start, tokens[last].end, 0.65


def _by_cue(document: Document, number: int) -> Iterator[Finding]:
    """Capitalised words after "I work at"."""
    tokens = document.tokens
    if number < len(tokens) and tokens[number].key in {"the", "a", "is"} and tokens[number].before == " ":
        number += 1
    if number >= len(tokens) or tokens[number].before not in {" ", ": ", ', "', ' "'}:
        return
    token = tokens[number]
    if token.small or token.key in lexicon.words("no_organization"):
        return
    last = max(number, _rightmost(tokens, number - 1, tokens[number].before))
    alone = last == number and token.facts & lexicon.CAPITALISED
    if not (alone and (token.name or token.key in lexicon.words("no_employer"))):
        numbered = _NUMBER.match(document.text, tokens[last].end)
        yield token.start, numbered.end() if numbered else tokens[last].end, 0.7


_NUMBER = re.compile(r"\s\d{1,4}\b")


def _worked(tokens: list[Token], number: int, cues: frozenset[str]) -> bool:
    """One of the three words before is about work, study or treatment."""
    return any(tokens[other].key in cues for other in range(max(0, number - 4), number))


def _leftmost(tokens: list[Token], number: int) -> int:
    """Return the first word of the run of capitals, with links between them, that ends at a word."""
    first = position = number
    no_start = lexicon.words("no_organization")
    while position > 0 and number - position < _LONGEST and _joined(tokens, position):
        position -= 1
        token = tokens[position]
        if token.key in _LINKS and token.small:
            continue
        if token.small or token.key in no_start:
            break
        first = position
    return first


def _rightmost(tokens: list[Token], number: int, gap: str = " ") -> int:
    """Return the last word of the run of capitals, with links between them, that begins after a word."""
    last, position = number, number + 1
    while position < len(tokens) and position - number <= _LONGEST + 1:
        if not (_joined(tokens, position) or (position == number + 1 and tokens[position].before == gap)):
            break
        token = tokens[position]
        if not (token.key in _LINKS and token.small):
            if token.small:
                break
            last = position
        position += 1
    return last


def _joined(tokens: list[Token], number: int) -> bool:
    """The word and the one before it belong together: a space, "&", or the dot of "St."."""
    return tokens[number].before in _GAPS or (tokens[number].before == ". " and tokens[number - 1].key in {"st", "dr", "mt"})
