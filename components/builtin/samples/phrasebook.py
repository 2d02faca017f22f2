"""The phrase bank: its file format, and how a phrase becomes text with entity spans.

A bank is a text file. ``== key`` starts a situation, ``field: value`` lines describe it, ``U>`` is something a seeker
may say, ``S>`` something a supporter may answer, and a blank line parts two beats (exchanges). The n-th ``S>`` of a beat
answers its n-th ``U>``. Inside a phrase ``[a|b]`` is a choice and ``{slot}`` a value.
"""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PHRASES = Path(__file__).with_name("phrases")
_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{(\w+)\}")


@dataclass
class Beat:
    """One exchange: things a seeker may say and what a supporter may answer to each."""

    user: list[str] = field(default_factory=list)
    supporter: list[str] = field(default_factory=list)


@dataclass
class Situation:
    """A key, its description and its beats, in order."""

    key: str
    fields: dict[str, str] = field(default_factory=dict)
    beats: list[Beat] = field(default_factory=list)


@dataclass(frozen=True)
class Span:
    """Characters ``start`` to ``end`` (exclusive) of a text are an entity of ``type``."""

    start: int
    end: int
    type: str


def read_bank(path: Path) -> dict[str, Situation]:
    """Reads a phrase bank.

    Raises:
        ValueError: a line that is none of the known forms, or a beat whose answers do not match its turns.
    """
    situations: dict[str, Situation] = {}
    current, new_beat = Situation("none"), True
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        text = line.strip()
        if not text:
            new_beat = True
        elif text.startswith("#"):
            continue
        elif text.startswith("== "):
            current = situations.setdefault(text[3:], Situation(text[3:]))
            new_beat = True
        elif text[:3] in ("U> ", "S> "):
            if new_beat:
                current.beats.append(Beat())
                new_beat = False
            side = current.beats[-1].user if text[0] == "U" else current.beats[-1].supporter
            side.append(text[3:])
        elif re.match(r"\w+: ", text):
            name, value = text.split(": ", 1)
            current.fields[name] = value
        else:
            raise ValueError(f"{path.name}:{number}: want '== key', 'field: value', 'U> ...' or 'S> ...'")
    return situations


def choose(rng: random.Random, phrase: str) -> str:
    """Resolves every ``[a|b]`` of a phrase."""
    return _CHOICE.sub(lambda match: rng.choice(match.group(1).split("|")), phrase)


def fill(phrase: str, values: Mapping[str, str], types: Mapping[str, str]) -> tuple[str, list[Span]]:
    """Puts values into the slots of a phrase.

    Args:
        phrase: text with ``{slot}`` marks and no choices.
        values: slot name to text.
        types: slot name to entity type; slots not named here leave no span.

    Returns:
        The text, and one span per typed slot with exact character offsets.
    """
    parts, spans, length, last = [], [], 0, 0
    for match in _SLOT.finditer(phrase):
        before, value, slot = phrase[last : match.start()], values[match.group(1)], match.group(1)
        start = length + len(before)
        if slot in types:
            spans.append(Span(start, start + len(value), types[slot]))
        parts += [before, value]
        length, last = start + len(value), match.end()
    return "".join([*parts, phrase[last:]]), spans


def slots_in(phrase: str) -> set[str]:
    """Names of the slots that a phrase uses."""
    return set(_SLOT.findall(phrase))


def sentences(text: str) -> list[str]:
    """Splits a short reply after each full stop, question mark or exclamation mark that a space follows."""
    return re.split(r"(?<=[.?!]) ", text.strip())
