"""Identities of nobody planted into real turns: what of them stays readable."""

import functools
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from components.anonymize.finding import RowSpans
from components.anonymize.lexicon import is_family_name, is_given_name
from components.shared.normalize import canonical
from components.shared.records import Message
from tests.benchmarks.anonymize_bounds import Line, Table, recall
from tests.benchmarks.anonymize_engines import Setup, shared_conversations, spans_of_many
from tests.benchmarks.identities.carriers import VARIETIES, Variety, planted_name, planted_number
from tests.benchmarks.identities.planting import Placed, PlantedConversation, excerpts, plant

NAMES: dict[Variety, int] = {"en": 3000, "ru": 3000, "uz-latin": 1500, "uz-cyrillic": 1500}
NUMBERS: dict[Variety, int] = {"en": 1040, "ru": 1120, "uz-latin": 560, "uz-cyrillic": 560}
_TARGETS = {"en": 0.999, "ru": 0.995, "uz": 0.99}
POLICY = "surrogates"
_SHOWN = 400


@dataclass(frozen=True)
class Checked:
    """An identity and how much of it was found."""

    placed: Placed
    extent: str
    """``whole``, ``partial`` or ``none``."""


def corpus(setup: Setup) -> list[PlantedConversation]:
    """Plant every language; the same at every call."""
    generator = random.Random(20260)
    sets = ("esconv/conversations.train.jsonl", "esconv/conversations.valid.jsonl", "annomi/conversations.jsonl")
    real = excerpts([messages for name in sets for messages in shared_conversations(setup.data / name)], generator)
    planted: list[PlantedConversation] = []
    for variety in VARIETIES:
        supply = _endless(real, generator)
        planted += plant(variety, setup.amount(NAMES[variety]), supply, planted_name, generator)
        numbers = plant(variety, setup.amount(NUMBERS[variety]), supply, planted_number, generator)
        planted += [_renamed(conversation, f"{variety}-numbers-{index}") for index, conversation in enumerate(numbers)]
    return planted


@functools.lru_cache(maxsize=1)
def found_in_corpus(setup: Setup) -> tuple[list[PlantedConversation], list[RowSpans]]:
    """Return what was planted and what was found, once for the parts that need it."""
    conversations = corpus(setup)
    return conversations, spans_of_many([[message.content for message in item.row.messages] for item in conversations], setup, POLICY)


def planted(setup: Setup) -> list[Table]:
    """Count what of the planted identities was found."""
    conversations, found = found_in_corpus(setup)
    checked = [check for item, spans in zip(conversations, found, strict=True) for check in checks(item.placed, spans, item.row.messages)]
    tables = [_by_language(checked), _by_number(checked), _by_cue(checked), _by_listing(checked)]
    if setup.show_misses:
        tables[0].remarks += _misses(checked)
    return tables


def checks(placed: Iterable[Placed], spans: RowSpans, messages: Sequence[Message]) -> Iterator[Checked]:
    """Say of each identity whether all, some or none of its letters and figures were found; a comma that stays tells nothing."""
    for item in placed:
        content = messages[item.message].content
        masked = {position for span in spans[item.message] for position in range(span.start, span.end)}
        wanted = [position for position in range(item.start, item.end) if content[position].isalnum()]
        hidden = sum(position in masked for position in wanted)
        yield Checked(item, "whole" if hidden == len(wanted) else "partial" if hidden else "none")


def _endless(real: list[list[Message]], generator: random.Random) -> Iterator[list[Message]]:
    """Excerpts in a random order, all before any comes again."""
    while True:
        yield from generator.sample(real, len(real))


def _renamed(conversation: PlantedConversation, name: str) -> PlantedConversation:
    return PlantedConversation(conversation.row.model_copy(update={"id": name, "person_id": name}), conversation.placed)


def _line(name: str, group: Sequence[Checked], target: float | None = None) -> Line:
    extents = Counter(check.extent for check in group)
    note = f"{extents['none']} missed whole, {extents['partial']} in part" if extents["whole"] < len(group) else ""
    return recall(name, extents["whole"], len(group), target, note)


def _by_language(checked: Sequence[Checked]) -> Table:
    table = Table("3a. Planted identities by language (all letters and figures found)")
    for language, target in _TARGETS.items():
        here = [check for check in checked if check.placed.planted.variety[:2] == language]
        table.lines.append(_line(f"{language} all", here, target))
        names = [check for check in here if check.placed.planted.kind == "name"]
        for variety in VARIETIES:
            if variety[:2] == language:
                table.lines.append(_line(f"   {variety} names", [check for check in names if check.placed.planted.variety == variety]))
        table.lines.append(_line(f"   {language} numbers", [check for check in here if check.placed.planted.kind != "name"], 1.0))
    return table


def _by_number(checked: Sequence[Checked]) -> Table:
    table = Table("3b. Numbers and addresses with a format, by kind")
    kinds = dict.fromkeys(check.placed.planted.kind for check in checked if check.placed.planted.kind != "name")
    for kind in kinds:
        group = [check for check in checked if check.placed.planted.kind == kind]
        line = _line(kind, group, 1.0)
        where = Counter(check.placed.planted.variety for check in group if check.extent != "whole")
        note = f"{line.note} ({', '.join(f'{variety} {number}' for variety, number in where.items())})" if where else ""
        table.lines.append(recall(kind, sum(check.extent == "whole" for check in group), len(group), 1.0, note))
    return table


def _by_cue(checked: Sequence[Checked]) -> Table:
    table = Table("3c. Names by language and by what tells that one comes / by form")
    names = [check for check in checked if check.placed.planted.kind == "name"]
    for variety in VARIETIES:
        here = [check for check in names if check.placed.planted.variety == variety]
        for part in (0, 1):
            values = dict.fromkeys(check.placed.planted.cue.split("/")[part] for check in here)
            for value in values:
                table.lines.append(_line(f"{variety} {value}", [c for c in here if c.placed.planted.cue.split("/")[part] == value]))
    return table


def _by_listing(checked: Sequence[Checked]) -> Table:
    """Names that the word lists hold against names that they do not: the second half is what generalises."""
    table = Table("3d. Names by language and by whether the word lists hold them; English ones by origin")
    names = [check for check in checked if check.placed.planted.kind == "name"]
    for variety in VARIETIES:
        for listed in (True, False):
            group = [check for check in names if check.placed.planted.variety == variety and _listed(check) == listed]
            table.lines.append(_line(f"{variety} {'listed' if listed else 'not listed'}", group))
    for origin in sorted({check.placed.planted.origin for check in names if check.placed.planted.variety == "en"}):
        group = [check for check in names if check.placed.planted.variety == "en" and check.placed.planted.origin == origin]
        table.lines.append(_line(f"en, origin {origin}", group))
    return table


def _listed(check: Checked) -> bool:
    person = check.placed.planted.person
    assert person is not None, "only names are asked for"
    keys = [canonical(part) for part in (person.given, person.family)]
    return is_given_name(keys[0]) or is_family_name(keys[1])


def _misses(checked: Sequence[Checked]) -> list[str]:
    """Return the missed surfaces, which name nobody, with their kind and cue; never the turn."""
    missed = [check for check in checked if check.extent != "whole"]
    lines = [
        f"  {check.extent:8}{item.variety:12}{item.kind:12}{item.cue:20}{item.origin:4}{item.surface}"
        for check in missed[:_SHOWN]
        for item in [check.placed.planted]
    ]
    return ["missed identities (made up)", *lines, f"{max(0, len(missed) - _SHOWN)} more are not shown"]
