"""The scores of TAB and SPIA, against numbers counted by hand."""

import pytest

from tests.benchmarks.deid_metrics import Share, masked_fraction, spia_scores, tab_scores

TEXT = "Ann Lee met Bob in Rome. Ann Lee left in 1999."


def _span(words: str, mark: str, kind: str = "PERSON", occurrence: int = 0) -> dict[str, object]:
    start = -1
    for _ in range(occurrence + 1):
        start = TEXT.index(words, start + 1)
    return {"start": start, "end": start + len(words), "type": kind, "identifier_type": mark}


DOCUMENT = {
    "text": TEXT,
    "spans": [
        _span("Ann Lee", "DIRECT"),
        _span("Ann Lee", "QUASI", occurrence=1),
        _span("Bob", "QUASI"),
        _span("1999", "QUASI", "DATETIME"),
    ],
}


def _ranges(*words: tuple[str, int]) -> list[tuple[int, int]]:
    return [(int(span["start"]), int(span["end"])) for span in (_span(text, "", occurrence=number) for text, number in words)]  # type: ignore[call-overload]


def test_an_entity_counts_only_when_all_its_mentions_are_masked_and_its_strictest_mark_names_it() -> None:
    one = tab_scores([DOCUMENT], [_ranges(("Ann Lee", 0), ("Bob", 0))])
    both = tab_scores([DOCUMENT], [_ranges(("Ann Lee", 0), ("Ann Lee", 1), ("Bob", 0))])
    assert (one.direct, one.quasi) == (Share(0, 1), Share(1, 2))
    assert (both.direct, both.quasi) == (Share(1, 1), Share(1, 2))


def test_half_a_mention_is_no_mask_but_the_space_within_needs_none() -> None:
    half = tab_scores([DOCUMENT], [_ranges(("Ann", 0), ("Ann Lee", 1))])
    apart = tab_scores([DOCUMENT], [_ranges(("Ann", 0), ("Lee", 0), ("Ann Lee", 1))])
    assert half.direct == Share(0, 1)
    assert apart.direct == Share(1, 1)


def test_precision_counts_words_outside_closed_classes() -> None:
    scores = tab_scores([DOCUMENT], [_ranges(("Bob in Rome", 0), ("left", 0))])
    assert scores.precision == Share(1, 3)  # Bob; against Rome and left; "in" is of a closed class
    assert tab_scores([DOCUMENT], [[]]).precision.value == 1.0


def test_spia_counts_spans_full_leaks_and_leaves_out_what_needs_no_mask() -> None:
    document = {**DOCUMENT, "no_mask": [_span("Rome", "NO_MASK", "LOC")]}
    scores = spia_scores([document], [_ranges(("Ann", 0), ("Rome", 0), ("1999", 0), ("met", 0))])
    assert scores.direct == Share(0, 1)
    assert scores.touched == Share(1, 1)
    assert scores.quasi == Share(1, 3)
    assert scores.precision == Share(2, 3)


def test_masked_fraction_counts_overlaps_once() -> None:
    assert masked_fraction(["abcdefghij", ""], [[(0, 3), (2, 5)], []]) == pytest.approx(0.5)
