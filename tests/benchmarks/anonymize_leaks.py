"""Whether an original value is left in finished rows, by a search that knows no detector; whether the leak check sees one put back."""

import functools
import gzip
import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from components.anonymize import leak_check, records_text
from components.anonymize.anonymizer import Anonymizer, CorpusOriginals
from components.anonymize.finding import PersonFindings, RowSpans
from components.anonymize.leak_check import PersonOriginals
from components.anonymize.spans import DIRECT_TYPES
from components.builtin import samples
from components.shared.pseudonym_key import read_key
from components.shared.records import Conversation, Message
from tests.benchmarks.anonymize_bounds import Line, Table, recall, upper_bound
from tests.benchmarks.anonymize_engines import Setup, parallel, policy, spans_of_many
from tests.benchmarks.anonymize_planted import POLICY, checks, found_in_corpus
from tests.benchmarks.identities.carriers import Planted
from tests.benchmarks.identities.planting import Placed, PlantedConversation

_SAMPLES = Path(samples.__file__).parent / "conversations.jsonl.gz"
_PLANTED_LEAKS = 100


@dataclass(frozen=True)
class Finished:
    """A conversation after the stage's path."""

    planted: PlantedConversation
    spans: RowSpans
    row: Conversation | None
    reason: str | None
    found: tuple[Placed, ...]
    """The planted identities of which every letter and figure was found."""


def leaks(setup: Setup) -> list[Table]:
    """Anonymise all that was planted and the sample data, search the output, then put 100 values back."""
    conversations, spans = found_in_corpus(setup)
    sampled = _samples()[:: 10 if setup.quick else 1]
    found = spans_of_many([[message.content for message in item.row.messages] for item in sampled], setup, POLICY)
    finished, originals = _finish([*conversations, *sampled], [*spans, *found], setup)
    return [_survivors(finished), _caught(finished[: len(conversations)], originals, show=setup.show_misses)]


def _samples() -> list[PlantedConversation]:
    """Read the project's own sample conversations; their gold spans of direct identifiers are what must not be left."""
    conversations = []
    with gzip.open(_SAMPLES, "rt", encoding="utf-8") as file:
        for row in map(Conversation.model_validate_json, file):
            gold = [span for span in records_text.gold(row) or () if span.type in DIRECT_TYPES]
            placed = [
                Placed(
                    Planted("en", "sample", "", "", content, span.start, content[span.start : span.end]), span.message, span.start, span.end
                )
                for span in gold
                for content in [row.messages[span.message].content]
            ]
            conversations.append(PlantedConversation(row.model_copy(update={"meta": {}}), tuple(placed)))
    return conversations


def _finish(
    conversations: Sequence[PlantedConversation], spans: Sequence[RowSpans], setup: Setup
) -> tuple[list[Finished], CorpusOriginals]:
    """Take all conversations through the second pass of the stage: collect every original value, then write and check."""
    originals = CorpusOriginals.empty(read_key())
    for item, found in zip(conversations, spans, strict=True):
        originals.add(PersonFindings.of([item.row], [found]))
    anonymizer = Anonymizer(policy(POLICY), read_key(), originals, None)
    finish = functools.partial(_finish_one, anonymizer=anonymizer)
    return parallel(finish, list(zip(conversations, spans, strict=True)), setup.workers), originals


def _finish_one(item: tuple[PlantedConversation, RowSpans], anonymizer: Anonymizer) -> Finished:
    conversation, spans = item
    findings = PersonFindings.of([conversation.row], [spans])
    (outcome,), _, _ = anonymizer.person([conversation.row], findings)
    assert outcome.row is None or isinstance(outcome.row, Conversation)
    whole = tuple(check.placed for check in checks(conversation.placed, spans, conversation.row.messages) if check.extent == "whole")
    return Finished(conversation, spans, outcome.row, outcome.reason, whole)


def _survivors(finished: Sequence[Finished]) -> Table:
    written = [item for item in finished if item.row is not None]
    found_left = found = missed_left = missed = 0
    for item in written:
        left = _left(item)
        known = set(item.found)
        found += len(known)
        missed += len(item.planted.placed) - len(known)
        found_left += len(left & known)
        missed_left += len(left - known)
    table = Table("6. Planted values in the finished rows (plain search: whole words, any case)")
    total = found + missed
    table.lines.append(
        Line(
            "found, yet still there",
            found_left / max(1, found),
            found,
            upper_bound(found_left, found),
            0.0,
            "at most",
            f"{found_left} of {found}",
        )
    )
    note = f"{found_left + missed_left} of {total}, {missed_left} of them never found (see 3)"
    table.lines.append(
        Line(
            "all that is there",
            (found_left + missed_left) / max(1, total),
            total,
            upper_bound(found_left + missed_left, total),
            0.0,
            "at most",
            note,
        )
    )
    reasons = Counter(item.reason for item in finished if item.reason)
    quarantined = sum(reasons.values())
    note = ", ".join(f"{reason} {count}" for reason, count in sorted(reasons.items()))
    table.lines.append(
        Line(
            "rows the leak check refused",
            quarantined / len(finished),
            len(finished),
            upper_bound(quarantined, len(finished)),
            None,
            "at most",
            note,
        )
    )
    return table


def _left(item: Finished) -> set[Placed]:
    """Return the identities that the output holds more often than the real turns do without them."""
    assert item.row is not None
    output = "\n".join(message.content for message in item.row.messages)
    real = "\n".join(_without(item.planted, number, message.content) for number, message in enumerate(item.planted.row.messages))
    return {
        placed
        for placed in item.planted.placed
        if _occurrences(output, placed.planted.surface) > _occurrences(real, placed.planted.surface)
    }


def _without(planted: PlantedConversation, number: int, content: str) -> str:
    for placed in planted.placed:
        if placed.message == number:
            content = content[: placed.start] + "\N{SYMBOL FOR UNIT SEPARATOR}" + content[placed.end :]
    return content


def _occurrences(text: str, surface: str) -> int:
    pattern = r"(?<!\w)" + r"\s+".join(map(re.escape, surface.casefold().split())) + r"(?!\w)"
    return len(re.findall(pattern, text.casefold()))


Disguise = Callable[[Planted, random.Random], str]


def _upper(planted: Planted, _: random.Random) -> str:
    return planted.surface.upper()


def _lower(planted: Planted, _: random.Random) -> str:
    return planted.surface.lower()


def _spaced(planted: Planted, _: random.Random) -> str:
    return planted.surface.replace(" ", "  ").replace("-", " - ")


def _zero_width(planted: Planted, generator: random.Random) -> str:
    position = generator.randrange(1, len(planted.surface))
    return planted.surface[:position] + "\u200b" + planted.surface[position:]


def _inflected(planted: Planted, generator: random.Random) -> str:
    """Another case in Russian, an ending in Uzbek, a possessive in English."""
    if planted.variety == "ru":
        assert planted.person is not None
        return planted.person.written(planted.sex_form_case[1], generator.choice(("gen", "dat", "ins")))
    endings = {"en": ("'s",), "uz-latin": ("ning", "ga", "dan"), "uz-cyrillic": ("нинг", "га", "дан")}
    return planted.surface + generator.choice(endings[planted.variety])


def _as_it_was(planted: Planted, _: random.Random) -> str:
    return planted.surface


_DISGUISES: dict[str, Disguise] = {
    "as it was": _as_it_was, "upper case": _upper, "lower case": _lower, "other spacing": _spaced, "inflected": _inflected,
    "zero-width inside": _zero_width,
}  # fmt: skip


def _caught(finished: Sequence[Finished], originals: CorpusOriginals, *, show: bool) -> Table:
    """Put values back, in disguise for the most part, into the row they came from or into another person's."""
    generator = random.Random(6)
    by_kind: dict[str, list[tuple[Finished, Placed]]] = {}
    for item in finished:
        for placed in item.found if item.row is not None else ():
            by_kind.setdefault(f"{placed.planted.variety[:2]} {placed.planted.kind}", []).append((item, placed))
    rows = [item for item in finished if item.row is not None]
    caught: dict[str, list[bool]] = {}
    table = Table("6. Values put back into finished rows: refused by the leak check")
    for number, kind in enumerate(_plan(list(by_kind))):
        item, placed = generator.choice(by_kind[kind])
        names = [name for name in _DISGUISES if name != "inflected" or placed.planted.kind == "name"]
        disguise = names[number // 2 % len(names)]
        telling = placed.planted.cue.endswith("/full") or placed.planted.kind != "name"
        elsewhere = telling and disguise != "inflected" and number % 3 == 0
        value = _DISGUISES[disguise](placed.planted, generator)
        result = _refused(generator.choice(rows) if elsewhere else item, value, originals, generator)
        where = "in another person's row" if elsewhere else "in its own row"
        for label in (where, disguise, placed.planted.variety, "names" if placed.planted.kind == "name" else "numbers"):
            caught.setdefault(label, []).append(result)
        if show and not result:
            table.remarks.append(f"not refused: {placed.planted.variety} {placed.planted.kind} {disguise}, {where}: {value}")
    every = [*caught.get("in its own row", ()), *caught.get("in another person's row", ())]
    table.lines.append(recall("all", sum(every), len(every), 1.0))
    table.lines += [recall(label, sum(results), len(results)) for label, results in caught.items()]
    return table


def _plan(kinds: Sequence[str]) -> list[str]:
    """Return the kind of each value that is put back: names and numbers in turn, each of all languages and forms."""
    names, numbers = ([kind for kind in kinds if kind.endswith("name") == wanted] for wanted in (True, False))
    return [(names if number % 2 else numbers)[number // 2 % len(names if number % 2 else numbers)] for number in range(_PLANTED_LEAKS)]


def _refused(target: Finished, value: str, originals: CorpusOriginals, generator: random.Random) -> bool:
    """Put a value into a finished row and ask the leak check."""
    assert target.row is not None
    messages = list(target.row.messages)
    number = generator.randrange(len(messages))
    position = generator.choice(
        [0, *(match.end() for match in re.finditer(r"\s+", messages[number].content)), len(messages[number].content)]
    )
    content = f"{messages[number].content[:position]} {value} {messages[number].content[position:]}"
    messages[number] = Message(role=messages[number].role, content=content)
    corrupted = target.row.model_copy(update={"messages": messages})
    own = PersonOriginals(read_key(), PersonFindings.of([target.planted.row], [target.spans]).forms)
    return leak_check.check(corrupted, own, corpus=originals.telling) is not None
