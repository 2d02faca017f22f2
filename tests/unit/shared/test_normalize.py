"""The offset map: spans found in normalised text point at the right original characters."""

import unicodedata
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from components.anonymize.spans import Span, covered, merge
from components.shared.normalize import canonical, normalize


@given(st.text(max_size=60))
@example("Ma\u200bria")
@example("e\u0301\u0301ﬁ")
@example("\u200b\u0301a")
def test_every_character_maps_to_its_source(text: str) -> None:
    normalized = normalize(text)
    assert len(normalized.text) == len(normalized.starts) == len(normalized.ends)
    assert all(0 <= start < end <= len(text) for start, end in zip(normalized.starts, normalized.ends, strict=True))
    assert normalized.starts == sorted(normalized.starts)
    dropped = set(range(len(text))) - {i for s, e in zip(normalized.starts, normalized.ends, strict=True) for i in range(s, e)}
    marks = {"Cf"}
    assert all(unicodedata.category(text[i]) in marks or unicodedata.combining(text[i]) for i in dropped)


@given(st.text(alphabet=st.characters(max_codepoint=0x7F), max_size=60))
def test_plain_ascii_is_untouched(text: str) -> None:
    if "`" not in text:
        assert normalize(text).text == text
        assert normalize(text).original(0, len(text)) == (0, len(text)) if text else True


def test_disguises_are_seen_through() -> None:
    for disguised in ("Ma\u200bria", "Mаria", "Ｍａｒｉａ", "Ma\u00adria"):  # zero-width, Cyrillic а, full width, soft hyphen
        assert normalize(disguised).text == "Maria"
        assert normalize(disguised).original(0, 5) == (0, len(disguised))
    assert normalize("Ma\u200bria").original(2, 5) == (3, 6)
    assert canonical("  O’Brien\u00a0 JR ") == "o'brien jr"


def test_union_keeps_every_character_and_takes_the_type_of_the_longest() -> None:
    spans = [Span(10, 20, "LOCATION", "a"), Span(0, 12, "ADDRESS", "b"), Span(30, 33, "PERSON", "a"), Span(30, 33, "ORGANIZATION", "b")]
    assert merge(spans) == [Span(0, 20, "ADDRESS", "b"), Span(30, 33, "PERSON", "a")]
    assert merge(reversed(spans)) == merge(spans)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 8), st.sampled_from(["PERSON", "ID", "DATE"]))))
def test_union_covers_exactly_what_was_found(raw: list[tuple[int, int, str]]) -> None:
    spans = [Span(start, start + length, name) for start, length, name in raw]
    merged = merge(spans)
    assert {i for s in merged for i in range(s.start, s.end)} == {i for s in spans for i in range(s.start, s.end)}
    assert all(before.end <= after.start for before, after in pairwise(merged))
    assert all(covered(span.start, span.end, merged) for span in spans)
    assert not covered(0, 100, merged)
