"""HTML pages: one file that needs nothing else and shows nothing that it should not."""

import re

import pytest
from markupsafe import Markup

from components.shared.figures import line_chart
from components.shared.report import Page, Section, Table, render

PAGE = Page(
    title="A page",
    verdict="It went well.",
    good=True,
    facts={"rows": 12345, "share": 0.123456},
    sections=[
        Section(
            "Numbers",
            text=["One sentence."],
            tables=[Table(["name", "value"], [["a", 1234567], ["b", 0.000123456], ["c", None], ["d", True]], "A caption")],
            figures=[line_chart("loss", {"train": [(0, 2.0), (1, 1.0)], "validation": [(0, 2.1), (1, 1.4)]})],
        )
    ],
)


def test_a_page_holds_what_it_was_given() -> None:
    html = render(PAGE)
    for text in ("<title>A page</title>", "It went well.", "One sentence.", "A caption", "1,234,567", "0.0001235", "<td>yes</td>"):
        assert text in html
    assert 'class="verdict good"' in html
    assert html.count("<svg") == 1


@pytest.mark.parametrize(("good", "shown"), [(True, "good"), (False, "bad"), (None, "")])
def test_the_verdict_has_its_colour(good: bool | None, shown: str) -> None:
    (verdict,) = re.findall(r'<p class="verdict ([a-z]*)">', render(Page("t", "v", good)))
    assert verdict == shown


def test_a_page_needs_no_other_file_and_runs_no_script() -> None:
    html = render(PAGE)
    assert "<script" not in html.lower()
    assert "<link" not in html.lower()
    outside = re.findall(r'(?:src|href)\s*=\s*"(?!#)([^"]*)"|url\((?!#)([^)]*)\)|@import', html)
    assert outside == []


def test_text_cannot_become_markup() -> None:
    attack = "<script>alert(1)</script>"
    html = render(Page(attack, attack, None, {attack: attack}, [Section(attack, [attack], [Table([attack], [[attack]], attack)])]))
    assert "<script" not in html
    assert html.count("&lt;script&gt;") == 10  # title and heading, verdict, fact and its name, section, sentence, column, cell, caption


def test_equal_data_gives_equal_bytes() -> None:
    series = {"train": [(0.0, 2.0), (1.0, 1.0)]}
    assert line_chart("loss", series) == line_chart("loss", series)
    assert isinstance(line_chart("loss", series), Markup)
    assert line_chart("loss", series) != line_chart("loss", {"train": [(0.0, 2.0), (1.0, 1.5)]})
