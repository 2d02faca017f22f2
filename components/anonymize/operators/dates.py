"""Dates: all of a person move back by one number of days, a multiple of 7; intervals and weekdays stay, form and language too."""

import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal

from components.anonymize.operators import phrases
from components.anonymize.operators.date_words import Form, beside_a_date, month, ordinal, relative_words
from components.anonymize.operators.keyed import KeyedChoice
from components.anonymize.operators.mention import Mention
from components.anonymize.operators.surface import in_case_of
from components.shared.languages import Language
from components.shared.normalize import canonical, normalize

if TYPE_CHECKING:
    from components.anonymize.policy import Shift

_NUMERIC = re.compile(r"(?<![\d.])(\d{1,4})([./-])(\d{1,2})(?:\2(\d{4}|\d{2}))?(?![\d.]*\d)")
_TIME = re.compile(r"\b\d{1,2}:\d{2}(?::\d{2})?\b")
_TOKEN = re.compile(
    r"(?P<abbreviated>['’])?(?P<figures>\d+)(?P<ordinal>(?:st|nd|rd|th)\b)?|(?P<word>[^\W\d_]+(?:'[^\W\d_]+)*)", re.IGNORECASE
)
_BIRTH = re.compile(r"\b(?:born|birth|dob|родил\w*|рожд\w*|tug'il\w*|туғил\w*)", re.IGNORECASE)
_UNKNOWN_YEAR = 2023
"""Stands for a year that is not told; no leap year, nor is the one before, so that every result is a day of every year."""
_Part = Literal["day", "month", "year", "short_year"]


@dataclass
class _Reading:
    """The parts of one date in a surface: where each stands and how another value is written there."""

    parts: dict[_Part, tuple[int, int, Form]] = field(default_factory=dict)
    values: dict[_Part, int] = field(default_factory=dict)

    def add(self, part: _Part, value: int, start: int, end: int, form: Form) -> bool:
        """Add a part; False where the date has it already."""
        if part in self.values:
            return False
        self.values[part], self.parts[part] = value, (start, end, form)
        return True

    @property
    def year(self) -> int | None:
        """Year with four figures."""
        if "short_year" in self.values:
            short = self.values["short_year"]
            return short + (1900 if short > 68 else 2000)  # the pivot of POSIX strptime
        return self.values.get("year")


_BIRTH_BEFORE = 40
"""Characters before a date in which a word of birth makes it a date of birth."""


def is_birth(before: str) -> bool:
    """Say whether what stands before a date makes it a date of birth ("born on", "дата рождения:", "tug'ilgan kunim").

    Args:
        before: the text up to the date; only its end is looked at, and only back to the end of the sentence before.
    """
    return _BIRTH.search(re.split(r"[.!?]\s", normalize(before).text[-_BIRTH_BEFORE:])[-1]) is not None


def offset(shift: "Shift", keyed: KeyedChoice) -> timedelta:
    """Return how far the dates of a person go back."""
    lowest, highest = -(-shift.min_days // 7), shift.max_days // 7
    return timedelta(days=7 * (lowest + keyed.number("date offset") % (highest - lowest + 1)))


def replacement(mention: Mention, back: timedelta) -> str:
    """Return the date moved back, as it was written; a birth as its decade; what cannot be read as "one day"."""
    text = normalize(mention.surface).text
    reading = _read(text, phrases.written_in(mention))
    if mention.birth or _BIRTH.search(text):
        return _birth(text, reading, mention)
    if reading is None:
        return mention.surface if _only_relative(text) else phrases.phrase("time", "some_day", mention)
    moved = _moved(reading, back)
    return phrases.phrase("time", "some_day", mention) if moved is None else moved_text(text, reading, moved)


def moved_text(text: str, reading: _Reading, moved: dict[_Part, int]) -> str:
    """Write other values in the places of the parts of a date."""
    pieces = []
    position = 0
    for part, (start, end, form) in sorted(reading.parts.items(), key=lambda item: item[1][0]):
        pieces += [text[position:start], _capitalised_like(form(moved[part]), text[start:end])]
        position = end
    return "".join([*pieces, text[position:]])


def _capitalised_like(word: str, surface: str) -> str:
    return in_case_of(word[:1].upper() + word[1:] if surface[:1].isupper() else word, surface)


def _moved(reading: _Reading, back: timedelta) -> dict[_Part, int] | None:
    """Return the parts after the move; None where the date is none (31 June)."""
    values = reading.values
    if set(values) == {"day"}:
        return {"day": (values["day"] + back.days // 7 % 27) % 28 + 1}
    year = reading.year or (2024 if (values.get("month"), values.get("day")) == (2, 29) else _UNKNOWN_YEAR)
    try:
        # The middle of what is not told, so that a month or a year moves as most of its days do.
        moved = date(year, values.get("month", 7), values.get("day", 15)) - back
    except (ValueError, OverflowError):
        return None
    return {"day": moved.day, "month": moved.month, "year": moved.year, "short_year": moved.year % 100}


def _birth(text: str, reading: _Reading | None, mention: Mention) -> str:
    words = phrases.decade(reading.year, mention) if reading is not None and reading.year else None
    if words is None:
        words = phrases.phrase("time", "some_day", mention)
    if reading is None or not _BIRTH.search(text):
        return words
    start, end = min(part[0] for part in reading.parts.values()), max(part[1] for part in reading.parts.values())
    return text[:start] + words + text[end:]


def _only_relative(text: str) -> bool:
    words = [canonical(match["word"]).replace("ё", "е") for match in _TOKEN.finditer(text) if match["word"]]
    return bool(words) and all(word in relative_words() for word in words) and not re.search(r"\d{3,}", text)


def _read(text: str, language: Language) -> _Reading | None:
    numeric = [match for match in _NUMERIC.finditer(text) if not _TIME.match(text, match.start())]
    if len(numeric) == 1 and _nothing_else(text[: numeric[0].start()] + " " + text[numeric[0].end() :]):
        return _read_numeric(numeric[0], language == "en")
    return None if numeric else _read_words(text, language)


def _nothing_else(rest: str) -> bool:
    rest = _TIME.sub(" ", rest)
    return all(
        match["figures"] is None and canonical(match["word"]).replace("ё", "е") in beside_a_date() for match in _TOKEN.finditer(rest)
    )


def _read_numeric(match: re.Match[str], english: bool) -> _Reading | None:
    first, separator, second, third = match.groups()
    padded = separator != "/" or "0" in (first[0], second[0])
    two: Form = (lambda value: f"{value:02d}") if padded else str
    reading = _Reading()
    order: tuple[_Part, ...]
    if len(first) == 4:
        order = ("year", "month", "day") if third is not None else ("year", "month")
    elif len(first) > 2:
        return None
    else:
        day_first = int(first) > 12 or (int(second) <= 12 and not (english and separator != "."))
        order = ("day", "month") if day_first else ("month", "day")
        if third is not None:
            order += ("year",) if len(third) == 4 else ("short_year",)
    for number, part in enumerate(order):
        group = (1, 3, 4)[number]
        start, end = match.span(group)
        form: Form = str if part == "year" else (lambda value: f"{value:02d}") if part == "short_year" else two
        reading.add(part, int(match.group(group)), start, end, form)
    return reading


def _read_words(text: str, language: Language) -> _Reading | None:
    """Read a date with a month in words, or with nothing but a day or a year."""
    reading = _Reading()
    times = [match.span() for match in _TIME.finditer(text)]
    tokens = [match for match in _TOKEN.finditer(text) if not any(start <= match.start() < end for start, end in times)]
    named = any(match["word"] and month(match["word"], language) for match in tokens)
    position = 0
    while position < len(tokens):
        used = _read_words_at(text, tokens[position : position + 2], reading, language, named)
        if not used:
            return None
        position += used
    days_alone = set(reading.values) == {"day"} and reading.parts["day"][2] is str and not _says_day(text)
    return reading if reading.values and not days_alone else None


def _read_words_at(text: str, pair: list[re.Match[str]], reading: _Reading, language: Language, named: bool) -> int:
    """Read one token or two; return how many were understood."""
    match = pair[0]
    if match["figures"] is not None:
        return int(_add_figures(match, reading))
    if len(pair) == 2 and pair[1]["word"]:
        start, end = pair[0].start(), pair[1].end()
        two = ordinal(text[start:end])
        if two is not None and named:
            return 2 * int(reading.add("day", two[0], start, end, two[1]))
    named_month = month(match["word"], language)
    if named_month is not None:
        return int(reading.add("month", named_month[0], *match.span("word"), named_month[1]))
    day = ordinal(match["word"]) if named else None
    if day is not None:
        return int(reading.add("day", day[0], *match.span("word"), day[1]))
    return int(canonical(match["word"]).replace("ё", "е") in beside_a_date())


def _add_figures(match: re.Match[str], reading: _Reading) -> bool:
    figures = match["figures"]
    start, end = match.span("figures")
    if len(figures) == 4:
        return int(figures) >= 1000 and reading.add("year", int(figures), start, end, str)
    if len(figures) > 2:
        return False
    if match["abbreviated"]:
        return reading.add("short_year", int(figures), start, end, lambda value: f"{value:02d}")
    padded = figures[0] == "0"
    if match["ordinal"]:
        return reading.add("day", int(figures), start, match.end("ordinal"), _english_ordinal)
    return 1 <= int(figures) <= 31 and reading.add("day", int(figures), start, end, (lambda value: f"{value:02d}") if padded else str)


def _english_ordinal(day: int) -> str:
    return f"{day}{'th' if 10 < day < 20 else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"


def _says_day(text: str) -> bool:
    """A figure alone is a day only where a word or an ending says so: ``12 числа``, ``12-го``."""
    return re.search(r"числ|-(?:го|е|ое)\b|sana|сана|kuni\b|-(?:chi|nchi)", text, re.IGNORECASE) is not None
