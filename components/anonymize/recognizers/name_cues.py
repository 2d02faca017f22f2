# ruff: noqa: E501, SIM905 - a list of words is read as one line
"""What is said before a name: "my husband ...", "Dr ...", "Hi ...", "my name is ...", a question for the name."""

import re
from collections.abc import Callable, Iterator
from enum import Enum
from functools import cache

from components.anonymize import lexicon
from components.anonymize.document import Document
from components.anonymize.tokens import Token


class Cue(Enum):
    """How strongly a phrase announces a name."""

    NAMED = "the phrase is always followed by a name"
    ANSWER = "the reply to a question for the name"
    KIN = "a person of one's life, whose name may follow"
    TITLE = "a title, after which a capital is a name"
    PRESENTED = "a name may follow, with a capital"


_Rule = Callable[[list[Token], int], Iterator[tuple[int, Cue]]]
_DETERMINERS = frozenset("my his her their our your whose the a an".split())
_OWNERS = frozenset("my his her their our your whose".split())
_BE = frozenset({"is", "was", "are", "were"})
_GREETINGS = frozenset(
    "hi hello hey heya hiya dear thanks thx welcome goodbye bye sorry regards sincerely love yours cheers xoxo morning evening afternoon".split()
)
_NAME_WORDS = frozenset({"name", "surname", "nickname", "names"})
_CALLED_AFTER = frozenset("is was are were guy girl man woman boy someone somebody person kid he's she's friend".split())
_LABELS = frozenset(
    "name seller buyer author user patient client participant student contact by signed from to cc spouse father mother".split()
)
_KNOWN_AS = {"goes": "by", "go": "by", "went": "by", "known": "as", "know": "as", "knows": "as", "knew": "as", "registered": "as"}
_CALLS = frozenset({"call", "calls", "called", "named", *_KNOWN_AS})
_INTRODUCED = frozenset({"i'm", "im", "it's", "its"})
_GAP = re.compile(r"[ \t]?[,:(\"'-]{0,2}[ \t]?[\"'(]?")
_GREETING_GAP = re.compile(r"(?:[ \t]*[,!.]?\s{1,2}|[ \t]*,[ \t]*)-?")
_TITLE_GAP = re.compile(r"\.?[ \t]{1,2}|\.")
_COLON = re.compile(r"[ \t]*:[ \t]{0,2}[\"']?")
_QUESTION = re.compile(
    r"(?:(?:what(?:'s|\s+is)|may\s+i\s+(?:have|ask|know)|can\s+i\s+(?:have|get|ask)|tell\s+me)\s+(?:your|his|her|their)\s+(?:\w{1,20}\s+)?name"
    r"|who\s+am\s+i\s+(?:talking|speaking)|what\s+(?:should|can|may|shall)\s+i\s+call\s+you|как\s+(?:вас|тебя)\s+зовут)"
    r"[^\n␞?]{0,80}(?:\?\s{1,3}(?:␞\s+)?|\n␞\n)(?:(?:it's|i'm|i\s+am|its|sure|yes|hi|hello|oh|well|um)[,.!]?\s+){0,4}(?=[^\W\d_])"
)
_ASKED = frozenset({"name", "call", "speaking", "talking", "зовут"})


def cued(document: Document) -> Iterator[tuple[int, Cue]]:
    """Yield the number of each word that may be a name by what stands before it, and the kind of cue."""
    tokens = document.tokens
    kinds = _kinds()
    for number, token in enumerate(tokens[:-1]):
        kind = kinds.get(token.key)
        if kind is not None:
            yield from kind(tokens, number)
        if tokens[number + 1].before[:2].lstrip().startswith(":") and token.key in _LABELS and _COLON.fullmatch(tokens[number + 1].before):
            yield number + 1, Cue.NAMED if token.key in _NAME_WORDS else Cue.PRESENTED
    if not _ASKED.isdisjoint(document.keys):
        for match in _QUESTION.finditer(document.folded):
            asked = document.index.get(match.end())
            if asked is not None:
                yield asked, Cue.ANSWER


def _after_title(tokens: list[Token], number: int) -> Iterator[tuple[int, Cue]]:
    if _TITLE_GAP.fullmatch(tokens[number + 1].before):
        yield number + 1, Cue.TITLE


def _after_greeting(tokens: list[Token], number: int) -> Iterator[tuple[int, Cue]]:
    following = number + 1
    if tokens[number].key == "thanks" and tokens[following].key == "again":
        following += 1
    if following < len(tokens) and _GREETING_GAP.fullmatch(tokens[following].before):
        yield following, Cue.PRESENTED


def _after_name_word(tokens: list[Token], number: int) -> Iterator[tuple[int, Cue]]:
    """After "name is", "name's", "names are"."""
    following = number + 1
    if tokens[number].possessive or (tokens[following].key in _BE and tokens[following].before == " "):
        following += not tokens[number].possessive
        if following < len(tokens) and _GAP.fullmatch(tokens[following].before):
            yield following, Cue.NAMED
    elif tokens[number - 1].key in _OWNERS and tokens[following].before in {" ", ", "}:
        yield following, Cue.PRESENTED


def _after_call(tokens: list[Token], number: int) -> Iterator[tuple[int, Cue]]:
    """After "call me", "is called", "goes by", "known as", "named"."""
    token = tokens[number]
    if token.key in {"call", "calls", "called"} and tokens[number + 1].key == "me" and number + 2 < len(tokens):
        yield number + 2, Cue.NAMED
    elif token.key in _KNOWN_AS:
        skipped = number + 1 + (tokens[number + 1].key in {"me", "her", "him"})
        if skipped + 1 < len(tokens) and tokens[skipped].key == _KNOWN_AS[token.key]:
            yield skipped + 1, Cue.NAMED
    elif _GAP.fullmatch(tokens[number + 1].before) and (token.key == "named" or (number and tokens[number - 1].key in _CALLED_AFTER)):
        yield number + 1, Cue.NAMED


def _after_introduction(tokens: list[Token], number: int) -> Iterator[tuple[int, Cue]]:
    """After "I'm", "I am", "this is"."""
    following = number + 1
    if tokens[number].key not in _INTRODUCED:
        if tokens[following].key != ("am" if tokens[number].key == "i" else "is"):
            return
        following += 1
    if following < len(tokens) and tokens[following].before in {" ", "  ", ": ", ' "'}:
        called = tokens[following].key == "called" and following + 1 < len(tokens)
        yield following + called, Cue.NAMED if called else Cue.PRESENTED


def _after_kin(tokens: list[Token], number: int) -> Iterator[tuple[int, Cue]]:
    """After "my (older) sister", also with "is", "named" and with a comma between; a title of kin works without "my"."""
    token = tokens[number]
    if token.key in lexicon.words("titles"):
        yield from _after_title(tokens, number)
    before = [tokens[other] for other in range(max(0, number - 3), number) if tokens[other + 1].before == " "]
    if not any(other.key in _DETERMINERS or other.possessive for other in before):
        return
    owned = any(other.key in _OWNERS or other.possessive for other in before)
    following = number + 1
    if token.possessive and tokens[following].key == "name":
        following += 1
    linked = tokens[following].key in {"is", "was", "called", "named"} and tokens[following].before == " "
    following += linked
    if following < len(tokens) and _GAP.fullmatch(tokens[following].before):
        yield following, Cue.KIN if owned and not linked else Cue.PRESENTED


def _after_signature(tokens: list[Token], number: int) -> Iterator[tuple[int, Cue]]:
    if tokens[number + 1].key == "by" and number + 2 < len(tokens):
        yield number + 2, Cue.NAMED


def _after_told(tokens: list[Token], number: int) -> Iterator[tuple[int, Cue]]:
    if _GAP.fullmatch(tokens[number + 1].before):
        yield number + 1, Cue.NAMED


@cache
def _kinds() -> dict[str, _Rule]:
    """Return the rule behind each cue word; where a word is in two groups, the later one knows both uses."""
    rules: tuple[tuple[frozenset[str], _Rule], ...] = (
        (lexicon.words("titles"), _after_title),
        (_GREETINGS, _after_greeting),
        (lexicon.words("kin"), _after_kin),
        (_NAME_WORDS, _after_name_word),
        (_CALLS, _after_call),
        (_INTRODUCED | {"i", "this"}, _after_introduction),
        (frozenset({"signed", "posted", "written"}), _after_signature),
        (frozenset({"зовут", "ismim", "исмим"}), _after_told),
    )
    return {word: rule for group, rule in rules for word in group}
