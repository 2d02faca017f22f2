"""Training text made from templates that were written for this project: chats, posts, notes, and ordinary turns that hold nothing.

A template is a line with slots: ``{first}`` draws an identity (see ``identities``), ``{rel}`` an ordinary word, and
``[words|TYPE]`` labels words.
"""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from components.anonymize.neural.identities import Identities

_FOLDER = Path(__file__).parent / "templates"
_SLOT = re.compile(r"\[(?P<words>[^\]|]+)\|(?P<type>[A-Z]+)\]|\{(?P<slot>\w+)\}")
_SENTENCE_GAP = re.compile(r"(?<=[.!?])\s+")
_WORDS = {slot: words for slot, *words in map(str.split, (_FOLDER / "people.txt").read_text(encoding="utf-8").splitlines())}
Labels = list[tuple[int, int, str]]
"""Start, end (exclusive) and type of what is personal."""


@dataclass(frozen=True)
class LabelledText:
    """A text and what is personal in it, in order and disjoint."""

    text: str
    labels: Labels = field(default_factory=list)
    ignored: Labels = field(default_factory=list)
    """Where the source's label teaches nothing: neither personal nor not."""
    noisy: bool = False
    """Unlabelled text of people: what looks like a name there teaches nothing."""
    weight: float = 1.0
    """How much its words count in the loss."""


@cache
def templates(name: str) -> tuple[str, ...]:
    """Return the lines of a template file."""
    return tuple((_FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines())


def render(template: str, identities: Identities) -> LabelledText:
    """Fill the slots of a template."""
    text, position = "", 0
    labels: Labels = []
    for match in _SLOT.finditer(template):
        text += template[position : match.start()]
        value, kind = _fill(match, identities)
        if kind:
            labels.append((len(text), len(text) + len(value), kind))
        text += value
        position = match.end()
    return LabelledText(text + template[position:], labels)


def _fill(match: re.Match[str], identities: Identities) -> tuple[str, str]:
    if match["type"]:
        return match["words"].replace("{job}", identities.slot("job")[0]), match["type"]
    if match["slot"] in _WORDS:
        return identities.random.choice(_WORDS[match["slot"]]), ""
    return identities.slot(match["slot"])


def join(parts: Sequence[LabelledText], separator: str = " ") -> LabelledText:
    """Put texts behind one another."""
    text = ""
    labels: Labels = []
    ignored: Labels = []
    for part in parts:
        text += separator if text else ""
        labels += [(start + len(text), end + len(text), kind) for start, end, kind in part.labels]
        ignored += [(start + len(text), end + len(text), kind) for start, end, kind in part.ignored]
        text += part.text
    return LabelledText(text, labels, ignored, any(part.noisy for part in parts))


def lowered(item: LabelledText) -> LabelledText:
    """Write all in lower case; lengths stay."""
    return _recased(item, str.lower)


def shouted(item: LabelledText) -> LabelledText:
    """Write all in capitals; lengths stay."""
    return _recased(item, str.upper)


def _recased(item: LabelledText, change: object) -> LabelledText:
    assert callable(change)
    text = "".join(changed if len(changed := change(character)) == 1 else character for character in item.text)
    return LabelledText(text, item.labels, item.ignored, item.noisy)


def mistyped(item: LabelledText, generator: random.Random, rate: float = 0.06) -> LabelledText:
    """Swap two neighbouring letters in some of the longer words that are not personal; lengths stay."""
    characters = list(item.text)
    for match in re.finditer(r"[a-z]{4,}", item.text):
        inside = any(start < match.end() and match.start() < end for start, end, _ in item.labels)
        if not inside and generator.random() < rate:
            place = generator.randrange(match.start() + 1, match.end() - 1)
            characters[place], characters[place + 1] = characters[place + 1], characters[place]
    return LabelledText("".join(characters), item.labels, item.ignored, item.noisy)


def written_by_hand(item: LabelledText, generator: random.Random, lower: float) -> LabelledText:
    """Vary case and spelling as people do; ``lower`` is the share that is written in lower case."""
    chance = generator.random()
    item = lowered(item) if chance < lower else shouted(item) if chance > 0.98 else item
    return mistyped(item, generator) if generator.random() < 0.3 else item


def generate(seed: int, chats: int, posts: int, notes: int, ordinary: int) -> Iterator[LabelledText]:
    """Make texts of each kind.

    Args:
        seed: Equal seeds give equal texts.
        chats: Turns of a chat, of one to four sentences, half of them in lower case.
        posts: Posts and comments of social networks.
        notes: Formal sentences.
        ordinary: Turns that hold nothing personal.
    """
    identities = Identities(seed)
    generator = identities.random
    for _ in range(chats):
        wanted = generator.choice((1, 1, 1, 2, 3, 4))
        kinds = generator.choices(("chat", "ordinary"), (0.75, 0.25), k=wanted)
        parts = [render(generator.choice(templates(kind)), identities) for kind in kinds]
        yield written_by_hand(join(parts, generator.choice((" ", " ", ". ", "\n", ", "))), generator, 0.45)
    for _ in range(posts):
        parts = [render(generator.choice(templates("social")), identities) for _ in range(generator.choice((1, 1, 2)))]
        yield written_by_hand(join(parts, "\n"), generator, 0.12)
    for _ in range(notes):
        parts = [render(generator.choice(templates("formal")), identities) for _ in range(generator.choice((1, 2, 3)))]
        yield written_by_hand(join(parts), generator, 0.05)
    for _ in range(ordinary):
        parts = [render(generator.choice(templates("ordinary")), identities) for _ in range(generator.choice((1, 1, 2, 3)))]
        yield written_by_hand(join(parts, generator.choice((" ", "\n", ", "))), generator, 0.3)


_RELATION = re.compile(r"\b(?:my|his|her|our|your) (?:" + "|".join(_WORDS["rel"]) + r")\b(?!')", re.IGNORECASE)
_VERBS = "said|says|is|was|has|had|told|will|would|does|doesn't|can|just|never|always|wants|thinks|left|did|didn't|got"
_PLANTS: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = (
    (_RELATION, ("{0} {first}", "{0} {first}", "{0}, {first},", "{0} {full}", "{0} ({first})")),
    (re.compile(r"\b(?:he|she)\b(?= (?:" + _VERBS + r")\b)", re.IGNORECASE), ("{first}", "{first}", "{full}", "{first} {last}")),
    (re.compile(r"\b(?:him|her|them)\b(?=[.,;!?]| (?:and|but|because|when|if|that|about|to|for)\b)"), ("{first}", "{first}", "{full}")),
    (re.compile(r"\b(?:a|my best|my close|an old) (?:friend|guy|girl|man|woman|boy)\b"), ("{0} named {first}", "{0}, {first},",
    "{0} {first}", "{0} called {full}")),
    (re.compile(r"\b(?:to|from|in) (?:my town|this town|my city|the city|another city|another state|town)\b"), ("in {city}",
    "from {city}", "to {city}")),
    (re.compile(r"\bat (?:work|school|college|university|my job)\b"), ("at {org}",)),
    (re.compile(r"\A(?=[A-Z])"), ("Hi {first}, ", "{first}, ", "Hello {first}. ", "Hi {first}! ", "Thanks {first}. ", "I'm {first}. ",
    "My name is {full}. ", "Dear {first}, ")),
    (re.compile(r"(?<=[.!?])\Z"), (" - {first}", " Thanks, {first}", " Best, {full}", " {first}", " I'm {first} by the way.",
    " My number is {phone}.", " Reach me at {email}.")),
)  # fmt: skip


def plant(text: str, identities: Identities, most: int = 4) -> LabelledText:
    """Put identities where a text speaks of people or places without naming them, and sentences about invented people between its own."""
    found = [(match, choices) for pattern, choices in _PLANTS for match in pattern.finditer(text)]
    chosen = sorted(identities.random.sample(found, min(most, len(found))), key=lambda item: item[0].span())
    item, position = LabelledText("", noisy=True), 0
    for match, choices in chosen:
        if match.start() < position:
            continue
        template = identities.random.choice(choices).replace("{0}", match.group())
        item = join([item, LabelledText(text[position : match.start()], noisy=True), render(template, identities)], "")
        position = match.end()
    item = join([item, LabelledText(text[position:], noisy=True)], "")
    return _with_sentence(item, identities) if identities.random.random() < 0.4 else item


def _with_sentence(item: LabelledText, identities: Identities) -> LabelledText:
    gaps = [
        gap.span()
        for gap in _SENTENCE_GAP.finditer(item.text)
        if not any(start < gap.end() and gap.start() < end for start, end, _ in item.labels)
    ]
    if not gaps:
        return item
    start, end = identities.random.choice(gaps)
    before = LabelledText(item.text[:start], [label for label in item.labels if label[1] <= start], noisy=True)
    after = LabelledText(item.text[end:], [(s - end, e - end, kind) for s, e, kind in item.labels if s >= end], noisy=True)
    return join([before, render(identities.random.choice(templates("chat")), identities), after])
