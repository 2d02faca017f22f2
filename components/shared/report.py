"""Self-contained HTML pages: one file, no script, no address outside the page, readable in light and dark."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)


@dataclass(frozen=True)
class Table:
    """Rows under column heads."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    caption: str = ""


@dataclass(frozen=True)
class Section:
    """A heading, a few plain sentences, tables and figures (SVG)."""

    title: str
    text: Sequence[str] = ()
    tables: Sequence[Table] = ()
    figures: Sequence[Markup] = ()


@dataclass(frozen=True)
class Page:
    """What a person reads from top to bottom: verdict first, facts, then sections."""

    title: str
    verdict: str
    """One sentence that says how it went."""
    good: bool | None
    """True: green, False: red, None: neutral."""
    facts: Mapping[str, object] = field(default_factory=dict)
    sections: Sequence[Section] = ()


def render(page: Page) -> str:
    """Return the page as HTML."""
    return _environment.get_template("page.html.jinja").render(page=page)
