"""Keyed hashes of values: what they find, what they do not, and what they give away. Everybody here is invented."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.shared.errors import ContractError
from components.shared.original_values import ORIGINAL_VALUES_FILE, OriginalValues

KEY, OTHER = b"k" * 32, b"o" * 32


def values(*surfaces: str, key: bytes = KEY) -> OriginalValues:
    made = OriginalValues(key)
    made.update(surfaces)
    return made


def found(known: OriginalValues, text: str) -> list[str]:
    return [text[start:end] for start, end in known.find(text)]


@pytest.mark.parametrize(
    ("value", "text", "hit"),
    [
        ("Marisol Quispe", "and MARISOL   quispe, too", "MARISOL   quispe"),
        ("Marisol Quispe", "Marisol-Quispe", "Marisol-Quispe"),
        ("+998 90 123-45-67", "call 998 90 123 45 67 now", "998 90 123 45 67"),
        ("+998 90 123-45-67", "call 998901234567 now", "998901234567"),
        ("4111111111111111", "4111 1111 1111 1111", "4111 1111 1111 1111"),
        ("m.q@example.org", "write M.Q@EXAMPLE.ORG", "M.Q@EXAMPLE.ORG"),
        ("Дилноза", "и дИЛНОЗА сказала", "дИЛНОЗА"),
        ("Maria", "ma\u200bria", "ma\u200bria"),
    ],
)
def test_a_value_is_found_whatever_its_case_spacing_and_punctuation(value: str, text: str, hit: str) -> None:
    assert found(values(value), text) == [hit]


@pytest.mark.parametrize("text", ["marisols quispe", "Marisol and Quispe", "Marisol. I told her mother Quispe", "Quispe Marisol", ""])
def test_other_words_are_not(text: str) -> None:
    assert found(values("Marisol Quispe"), text) == []


def test_single_characters_are_left_out() -> None:
    assert len(values("J", " ", "", "!")) == 0


def test_membership_is_of_whole_values() -> None:
    known = values("Marisol Quispe")
    assert "marisol QUISPE" in known
    assert "Marisol" not in known
    assert "Marisol Quispe Rojas" not in known


def test_written_and_read_again_without_a_value_in_it(tmp_path: Path) -> None:
    known = values("Marisol Quispe", "+998 90 123-45-67")
    known.write(tmp_path)
    content = (tmp_path / ORIGINAL_VALUES_FILE).read_text(encoding="utf-8")
    assert "marisol" not in content.casefold()
    assert "quispe" not in content.casefold()
    assert "998 90" not in content
    read = OriginalValues.read(tmp_path, KEY)
    assert found(read, "to Marisol Quispe") == ["Marisol Quispe"]
    assert read.to_document() == known.to_document() == json.loads(content)


def test_another_key_is_refused_and_hashes_differ(tmp_path: Path) -> None:
    values("Marisol Quispe").write(tmp_path)
    with pytest.raises(ContractError, match=r"written under the key .* the same Secret as anonymize"):
        OriginalValues.read(tmp_path, OTHER)
    assert (
        values("Marisol").to_document()["digests_by_number_of_words"]
        != values("Marisol", key=OTHER).to_document()["digests_by_number_of_words"]
    )


def test_union(tmp_path: Path) -> None:
    known = values("Marisol Quispe")
    known.merge(values("Zarina"))
    assert found(known, "Zarina knows Marisol Quispe") == ["Zarina", "Marisol Quispe"]


@given(st.text(min_size=2), st.text(), st.text())
def test_a_value_set_apart_is_always_found(value: str, before: str, after: str) -> None:
    known = values(value)
    if len(known) and value in known:
        text = f"{before} .... {value} .... {after}"
        assert any(start <= text.rindex(value) + len(value) and end > len(before) for start, end in known.find(text))


@given(st.lists(st.text(min_size=1), max_size=5), st.text())
def test_ranges_lie_within_any_text(surfaces: list[str], text: str) -> None:
    assert all(0 <= start < end <= len(text) for start, end in values(*surfaces).find(text))
