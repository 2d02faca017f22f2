"""Repairs, against hand-made damage; and what looks like damage and is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.validate_data.cleaning import clean, holds_page

REPAIRED = {
    "zero width": ("I\u200b am\ufeff he\u00adre", "I am here", ["INVISIBLE_REMOVED"]),
    "joiner in a word": ("ti\u200dred \u200c", "tired", ["INVISIBLE_REMOVED"]),
    "apostrophe": ("itâ€™s cafÃ© â€œnowâ€\x9d", "it’s café “now”", ["MOJIBAKE_REPAIRED"]),
    "Russian as Western": ("ÐŸÑ€Ð¸Ð²ÐµÑ‚", "Привет", ["MOJIBAKE_REPAIRED"]),
    "Russian as windows-1251": ("РџСЂРёРІРµС‚, РєР°Рє РґРµР»Р°", "Привет, как дела", ["MOJIBAKE_REPAIRED"]),
    "emoji": ("ok ðŸ˜€", "ok 😀", ["MOJIBAKE_REPAIRED"]),
    "entities": ("you &amp; me &#39;now&#39; &nbsp;&lt;3", "you & me 'now'  <3", ["HTML_REMOVED"]),
    "tags": ("<p>one<br/>two <b>three</b></p>", "one\ntwo three", ["HTML_REMOVED"]),
    "link": ('see <a href="x">this</a>', "see this", ["HTML_REMOVED"]),
    "all three": ("\ufeff<b>itâ€™s</b>", "it’s", ["MOJIBAKE_REPAIRED", "INVISIBLE_REMOVED", "HTML_REMOVED"]),
}
KEPT = [
    "I <3 you & me, 2 > 1, a < b > c",
    "café, Ãgua, naïve, Ñandú, São Paulo",
    "«СССР» и «США», метры С»",
    "family 👨\u200d👩\u200d👧 and ❤️",
    "می\u200cخواهم",
    "„CAFÉ“ ist zu",
    "Oʻzbekiston, gʻalati",
    "  spaces stay  ",
    "R&D; AT&T",
]


@pytest.mark.parametrize(("damaged", "whole", "codes"), REPAIRED.values(), ids=REPAIRED)
def test_damage_with_one_reading_is_repaired_and_counted(damaged: str, whole: str, codes: list[str]) -> None:
    assert clean(damaged) == (whole, codes)


@pytest.mark.parametrize("text", KEPT)
def test_what_only_looks_like_damage_stays(text: str) -> None:
    assert clean(text) == (text, [])


def test_code_of_a_page_is_no_text() -> None:
    assert holds_page("<script>x()</script>")
    assert holds_page("a < HTML lang=en>")
    assert not holds_page("I <3 scripts and <b>forms</b>")
    assert clean("<style>p{}</style><p>x</p>") == ("<style>p{}</style><p>x</p>", [])


@given(st.text(alphabet=st.characters(max_codepoint=0x17F) | st.sampled_from("абвгдеёжзуўқғҳ’“”–"), max_size=40))
def test_a_whole_text_that_was_misread_comes_back(text: str) -> None:
    """The inverse: any text of letters, read as windows-1252 with holes as Latin-1, is read again."""
    if clean(text)[1] or not text.isprintable() or text.isascii() or text != text.strip():
        return
    misread = "".join(
        bytes([byte]).decode("cp1252", errors="ignore") or chr(byte) if byte >= 0x80 else chr(byte) for byte in text.encode("utf-8")
    )
    repaired, _ = clean(misread)
    assert repaired == text
