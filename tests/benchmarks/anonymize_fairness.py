"""Whether names of all origins are found alike, and in lower case, too: the same English sentences for each."""

import random
from collections.abc import Callable, Sequence

from components.anonymize.finding import RowSpans
from tests.benchmarks.anonymize_bounds import Line, Table, gap_bound, recall
from tests.benchmarks.anonymize_engines import Setup, spans_of_many
from tests.benchmarks.anonymize_planted import POLICY
from tests.benchmarks.identities.carriers import Planted, name_carriers
from tests.benchmarks.identities.people import ORIGINS, Origin, make_person

_NAMES = 444
"""Names of each origin: six of each carrier."""
_QUESTION = "Could you tell me a little more about that?"
_MAX_GAP, _MAX_LOWER_GAP = 0.01, 0.03


def fairness(setup: Setup) -> list[Table]:
    """Compare the recall of origins, and of lower against title case."""
    names = {origin: _names(origin, setup.amount(_NAMES)) for origin in ORIGINS}
    tables = []
    recalls: dict[str, dict[Origin, tuple[int, int]]] = {}
    for case in ("title case", "lower case"):
        table = Table(f"4. Names by origin, {case} (all letters found)")
        recalls[case] = {origin: _found(group, setup, lower=case == "lower case") for origin, group in names.items()}
        table.lines = [recall(origin, found, total) for origin, (found, total) in recalls[case].items()]
        if case == "title case":
            table.lines.append(_gap(recalls[case]))
        tables.append(table)
    tables.append(_lower_gaps(recalls["title case"], recalls["lower case"]))
    return tables


def _names(origin: Origin, count: int) -> list[Planted]:
    """Fill every carrier in turn with a name that was not there yet."""
    generator = random.Random(f"fairness {origin}")
    carriers = name_carriers("en")
    names: list[Planted] = []
    seen: set[str] = set()
    while len(names) < count:
        carrier = carriers[len(names) % len(carriers)]
        female = carrier.sex == "f" or (not carrier.sex and generator.random() < 0.5)
        person = make_person(origin, generator, female=female)
        if f"{person.given} {person.family}" not in seen:
            seen.add(f"{person.given} {person.family}")
            names.append(carrier.fill("en", person, origin))
    return names


def _found(group: Sequence[Planted], setup: Setup, *, lower: bool) -> tuple[int, int]:
    sentences = [_lower(planted.sentence) if lower else planted.sentence for planted in group]
    spans = spans_of_many([[_QUESTION, sentence] for sentence in sentences], setup, POLICY)
    found = sum(_whole(planted, sentence, found) for planted, sentence, found in zip(group, sentences, spans, strict=True))
    return found, len(group)


def _lower(sentence: str) -> str:
    """Return a sentence in lower case of the same length (a Turkish dotted capital would become two characters)."""
    return "".join(character.lower()[0] for character in sentence)


def _whole(planted: Planted, sentence: str, spans: RowSpans) -> bool:
    masked = {position for span in spans[1] for position in range(span.start, span.end)}
    start, end = planted.start, planted.start + len(planted.surface)
    return all(position in masked for position in range(start, end) if sentence[position].isalnum())


def _gap(recalls: dict[Origin, tuple[int, int]]) -> Line:
    counts = list(recalls.values())
    return _difference("gap, best to worst", counts, lambda shares: max(shares) - min(shares), _MAX_GAP)


def _lower_gaps(title: dict[Origin, tuple[int, int]], lower: dict[Origin, tuple[int, int]]) -> Table:
    table = Table("4. Title case minus lower case (points of recall)")
    for origin in ORIGINS:
        table.lines.append(_difference(origin, [title[origin], lower[origin]], lambda shares: shares[0] - shares[1]))
    both = [(sum(found for found, _ in counts), sum(total for _, total in counts)) for counts in (title.values(), lower.values())]
    table.lines.append(_difference("all", both, lambda shares: shares[0] - shares[1], _MAX_LOWER_GAP))
    return table


def _difference(name: str, counts: Sequence[tuple[int, int]], gap: Callable[[Sequence[float]], float], target: float | None = None) -> Line:
    value = gap([found / total for found, total in counts])
    return Line(name, value, sum(total for _, total in counts), gap_bound(counts, gap), target, "at most")
