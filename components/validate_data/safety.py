"""What a dialogue says of danger, and what the assistant makes of it: crisis mentions, safe replies, insults, diagnoses, medication advice.

These are lexical signs in English, Russian and Uzbek, not a clinician's judgement: they count, they list rows for review, and where the
configuration says so they keep rows out. Only the user's words make a crisis; only the assistant's words make a fault.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from components.shared.records import Message
from components.validate_data.lexicon import Expression, Lexicon, fold, lexicon, russian, uzbek_latin

CRISIS_KINDS = ("suicide", "self_harm", "abuse", "violence")
_COUNTED_ONLY = {"abuse_mentioned": "abuse"}
"""Sections that are counted under a kind without asking for a safe reply: a history, a worry, a word about others."""
SAFE_SIGNS = ("care", "asks_safety", "points_to_help")
_REPLIES_THAT_COUNT = 2
"""A first reply may only ask what happened; the second at the latest says that it cares, asks about safety, or points to help."""
_WORDS_BEFORE = 5
_WORDS_AFTER = 4
_CLAUSE = re.compile(r"[.!?,;:\n()]|\bbut\b|\bно\b|\blekin\b|\bammo\b")
_SENTENCE_END = re.compile(r"[.!?\n]+")
_LATIN = re.compile("[a-z]")
_CYRILLIC = re.compile("[Ѐ-ӿ]")
_STEM_LETTERS = 6


@dataclass
class Safety:
    """What was found in one row; places are indices of messages.

    Attributes:
        crisis: kinds of crisis that the user mentions, not denied.
        denied: mentions that are denied ("I would never ...").
        unsafe: replies to a crisis that show no safe sign, or wave it aside.
        toxic, diagnosis, medication: replies that insult, diagnose, or advise on medicines.
    """

    crisis: set[str] = field(default_factory=set)
    denied: int = 0
    unsafe: list[int] = field(default_factory=list)
    toxic: list[int] = field(default_factory=list)
    diagnosis: list[int] = field(default_factory=list)
    medication: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class _View:
    """A text as one language's lists see it."""

    language: str
    text: str


def examine(messages: Sequence[Message]) -> Safety:
    """Return what is found in the messages of a dialogue, or in a prompt and the reply that is to be learned."""
    found = Safety()
    views = [_views(message.content) for message in messages]
    for index, message in enumerate(messages):
        if message.role == "user":
            kinds, denied = _mentions(views[index])
            found.crisis |= {_COUNTED_ONLY.get(kind, kind) for kind in kinds}
            found.denied += denied
            if kinds - _COUNTED_ONLY.keys() and _unsafe([views[later] for later in _replies_after(messages, index)]):
                found.unsafe.append(index + 1)
        elif message.role == "assistant":
            _conduct(views[index], views[:index], index, found)
    return found


def crisis_mentions(text: str) -> set[str]:
    """Return the kinds of crisis that a text mentions and does not deny."""
    return {_COUNTED_ONLY.get(kind, kind) for kind in _mentions(_views(text))[0]}


def safe_signs(reply: str) -> set[str]:
    """Return which of care, a question about safety, and a way to help a reply shows."""
    return _signs(_views(reply))


def _views(text: str) -> list[_View]:
    folded = fold(text)
    views = []
    if _CYRILLIC.search(folded):
        views += [_View("ru", russian(folded)), _View("uz", uzbek_latin(folded))]
    if _LATIN.search(folded):
        views += [_View("en", folded)] if views else [_View("en", folded), _View("uz", folded)]
    return views


def _mentions(views: Sequence[_View]) -> tuple[set[str], int]:
    kinds, denied = set(), 0
    for view in views:
        known = lexicon(f"crisis_{view.language}")
        text = view.text
        for match in _matches(known["idiom"], text):
            text = text[: match.start()] + "-" * (match.end() - match.start()) + text[match.end() :]
        for kind in (*CRISIS_KINDS, *_COUNTED_ONLY):
            for match in _matches(known[kind], text):
                if _denied(text, match, known):
                    denied += 1
                else:
                    kinds.add(kind)
    return kinds, denied


def _denied(text: str, match: re.Match[str], known: Lexicon) -> bool:
    before, after = _before(text, match), _after(text, match)
    if _any(known["not_denied"], before):
        return False
    return _any(known["denied_before"], before) or _any(known["denied_after"], after)


def _replies_after(messages: Sequence[Message], index: int) -> list[int]:
    later = [number for number in range(index + 1, len(messages)) if messages[number].role == "assistant"]
    return later[:_REPLIES_THAT_COUNT]


def _unsafe(replies: Sequence[Sequence[_View]]) -> bool:
    if not replies:
        return False
    harmful = any(_any(lexicon(f"replies_{view.language}")["harmful"], view.text) for view in replies[0])
    return harmful or not any(_signs(reply) for reply in replies)


def _signs(views: Sequence[_View]) -> set[str]:
    return {sign for view in views for sign in SAFE_SIGNS if _any(lexicon(f"replies_{view.language}")[sign], view.text)}


def _conduct(views: Sequence[_View], earlier: Sequence[Sequence[_View]], index: int, found: Safety) -> None:
    toxic = diagnosis = medication = False
    for view in views:
        known = lexicon(f"conduct_{view.language}")
        toxic |= any(not _any(known["reported"], _before(view.text, match)) for match in _matches(known["toxic"], view.text))
        for match in _matches(known["diagnosis"], view.text):
            stem = re.findall(r"\w+", match.group())[-1][:_STEM_LETTERS]
            named = any(stem in said.text for message in earlier for said in message)
            diagnosis |= not named and _said(view.text, match, known)
        medication |= any(_said(view.text, match, known) for match in _matches(known["medication"], view.text))
    found.toxic += [index] * toxic
    found.diagnosis += [index] * diagnosis
    found.medication += [index] * medication


def _said(text: str, match: re.Match[str], known: Lexicon) -> bool:
    """The assistant says it itself: no question, no condition, no denial, not what a doctor said."""
    end = _SENTENCE_END.search(text, match.end())
    if end and "?" in end.group():
        return False
    return not _any(known["not_said"], f"{_before(text, match)} {match.group()}") and not _any(known["said_after"], _after(text, match))


def _matches(expressions: Sequence[Expression], text: str) -> Iterator[re.Match[str]]:
    for expression in expressions:
        yield from expression.finditer(text)


def _any(expressions: Sequence[Expression], text: str) -> bool:
    return next(_matches(expressions, text), None) is not None


def _before(text: str, match: re.Match[str]) -> str:
    """Return the last words of the clause before a match."""
    clause = _CLAUSE.split(text[max(0, match.start() - 80) : match.start()])[-1]
    return " ".join(clause.split()[-_WORDS_BEFORE:])


def _after(text: str, match: re.Match[str]) -> str:
    """Return the next words of the clause after a match."""
    return " ".join(_CLAUSE.split(text[match.end() : match.end() + 80])[0].split()[:_WORDS_AFTER])
