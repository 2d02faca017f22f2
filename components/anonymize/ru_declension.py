"""Russian declension of names by rule: every case form of a nominative, and the nominatives that a form may come from.

Endings are written nominative, genitive, dative, accusative, instrumental, prepositional; a slash parts variants. The rules know what a
name needs (first and second declension, adjectival family names, patronymics, a few lost vowels) and leave stress, and so ё for е, aside.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

CASES = ("nom", "gen", "dat", "acc", "ins", "loc")
Cell = tuple[str, str]
"""Number (``sg`` or ``pl``) and case."""

_HARD_A = ("а ы е у ой/ою е", "ы  ам  ами ах")
_SOFT_A = ("а и е у ой/ою е", "и  ам  ами ах")
_SIBILANT_A = ("а и е у ей/ею/ой е", "и  ам  ами ах")
_TS_A = ("а ы е у ей/ею е", "ы  ам  ами ах")
_YA = ("я и е ю ей/ею/ёй е", "и ь/й ям ь/й ями ях")
_IYA = ("я и и/е ю ей/ею и/е", "и й ям й ями ях")
_CONSONANT = (" а у а ом е", "ы ов ам ов ами ах")
_SIBILANT = (" а у а ем/ом е", "и ей/ов ам ей/ов ами ах")
_VELAR = (" а у а ом е", "и ов ам ов ами ах")
_Y = ("й я ю я ем е", "и ев ям ев ями ях")
_IY = ("й я ю я ем и/е", "и ев ям ев ями ях")
_SOFT_MASCULINE = ("ь я ю я ем/ём е", "и ей ям ей ями ях")
_SOFT_FEMININE = ("ь и и ь ью и", "и ей ям ей ями ях")
_FAMILY = (" а у а ым е", "ы ых ым ых ыми ых")
_FAMILY_WOMAN = ("а ой ой у ой/ою ой", "ы ых ым ых ыми ых")
_ADJECTIVE = ("ий ого ому ого им ом", "ие их им их ими их")
_ADJECTIVE_HARD = ("ый ого ому ого ым ом", "ые ых ым ых ыми ых")
_ADJECTIVE_STRESSED = ("ой ого ому ого им/ым ом", "ие/ые их/ых им/ым их/ых ими/ыми их/ых")
_ADJECTIVE_WOMAN = ("ая ой ой ую ой/ою ой", "ие/ые их/ых им/ым их/ых ими/ыми их/ых")

_LOST_VOWEL = {
    "лев": "льв", "павел": "павл", "пётр": "петр", "петр": "петр", "любовь": "любов", "орел": "орл", "козел": "козл", "елец": "ельц",
    "череповец": "череповц",
}  # fmt: skip
_FAMILY_ENDING = re.compile(r"(?:[оеё]в|[иы]н)$")
_WOMAN_ENDING = re.compile(r"(?:[оеё]в|[иы]н)а$")
_FAMILY_FORM = re.compile(r"^(?P<stem>.{2,}(?:[оеё]в|[иы]н))(?:|а|у|ым|е|ой|ою|ы|ых|ыми)$")
_ADJECTIVE_FORM = re.compile(r"^(?P<stem>.{2,}[сц]к)(?:ий|ого|ому|им|ом|ая|ой|ою|ую|ие|их|ими)$")
_PATRONYMIC_FORM = re.compile(
    r"^(?P<stem>.{2,}(?:[оеё]в|ь|[кмн])ич)(?:|а|у|ем|е|и|ей|ам|ами|ах)$|^(?P<woman>.{2,}(?:[оеё]вн|ичн|иничн))(?:а|ы|е|у|ой|ою)$"
)
_FIXED = re.compile(r"(?:[оуыэюие]|ых|их|аго|яго|ово)$")


_GIVEN_LIKE_FAMILY = frozenset(
    (Path(__file__).parent / "gazetteers" / "ru_names_in_ina.txt").read_text(encoding="utf-8").split("\n", 1)[1].split()
)


@lru_cache(maxsize=65536)
def paradigm(nominative: str, woman: bool | None = None) -> dict[Cell, tuple[str, ...]]:
    """Return the forms of a nominative (lower case) by number and case; a word that is not declined has one form in every cell.

    Args:
        nominative: one word in the nominative singular.
        woman: whether it names a woman, which decides about names that end in a consonant or a soft sign; None takes men's endings.
    """
    stem, (singular, plural) = _declension(nominative, woman)
    cells: dict[Cell, tuple[str, ...]] = {}
    for number, endings in (("sg", singular), ("pl", plural)):
        for case, variants in zip(CASES, endings.split(" "), strict=True):
            base = nominative[: len(nominative) - len(singular.split(" ")[0])] if (number, case) == ("sg", "nom") else stem
            cells[number, case] = tuple(base + ending for ending in variants.split("/"))
    return cells


def _declension(word: str, woman: bool | None) -> tuple[str, tuple[str, str]]:
    """Return the stem and the endings of a word's declension."""
    fixed = (word, (" " * 5, " " * 5))
    if len(word) < 2:
        return fixed
    last, before = word[-1], word[-2]
    if last == "а":
        return word[:-1], _family_woman_or_a(word, before)
    if last == "я":
        if word.endswith("ая") and len(word) > 4 and before == "а":
            return word[:-2], _ADJECTIVE_WOMAN
        return word[:-1], _IYA if before == "и" else _YA
    if last == "ь":
        stem = _LOST_VOWEL.get(word, word[:-1])
        return (stem, _SOFT_FEMININE) if woman else (stem, _SOFT_MASCULINE)
    if last == "й":
        return _in_y(word, before)
    if woman or _FIXED.search(word) or last not in "бвгджзклмнпрстфхцчшщ":
        return fixed
    if _FAMILY_ENDING.search(word) and len(word) > 4:
        return word, _FAMILY
    stem = _LOST_VOWEL.get(word, word)
    return stem, _SIBILANT if last in "жшчщц" else _VELAR if last in "гкх" else _CONSONANT


def _family_woman_or_a(word: str, before: str) -> tuple[str, str]:
    if _WOMAN_ENDING.search(word) and len(word) > 5 and word not in _GIVEN_LIKE_FAMILY:
        return _FAMILY_WOMAN
    return _TS_A if before == "ц" else _SIBILANT_A if before in "жшчщ" else _SOFT_A if before in "гкх" else _HARD_A


def _in_y(word: str, before: str) -> tuple[str, tuple[str, str]]:
    if before == "и" and re.search(r"[скцгх]кий$|нский$|[гхк]ий$", word) and len(word) > 5 and not word.endswith(("ркий", "лкий")):
        return word[:-2], _ADJECTIVE
    if before == "ы":
        return word[:-2], _ADJECTIVE_HARD
    if before == "о" and len(word) > 4:
        return word[:-2], _ADJECTIVE_STRESSED
    return word[:-1], _IY if before == "и" else _Y


def every_form(nominative: str) -> Iterator[str]:
    """Yield all forms of a nominative, read as a man's, as a woman's and, for family names, as the other's of the family."""
    readings = {nominative}
    if _FAMILY_ENDING.search(nominative) and len(nominative) > 4:
        readings.add(nominative + "а")
    elif _WOMAN_ENDING.search(nominative) and nominative not in _GIVEN_LIKE_FAMILY and len(nominative) > 5:
        readings.add(nominative[:-1])
    elif re.search(r"[сц]кий$", nominative):
        readings.add(nominative[:-2] + "ая")
    elif re.search(r"[сц]кая$", nominative):
        readings.add(nominative[:-2] + "ий")
    for reading in readings:
        for woman in (False, True):
            for forms in paradigm(reading, woman).values():
                yield from forms


def nominatives(form: str) -> list[str]:
    """Return the nominatives that a form (lower case) of an unlisted name may come from, the most likely first; never empty."""
    if match := _PATRONYMIC_FORM.match(form):
        return [match["stem"] or f"{match['woman']}а"]
    if match := _ADJECTIVE_FORM.match(form):
        ending = form[len(match["stem"]) :]
        return [match["stem"] + ("ая" if ending in {"ая", "ой", "ою", "ую"} else "ий")]
    if (match := _FAMILY_FORM.match(form)) and len(match["stem"]) > 3:
        ending = form[len(match["stem"]) :]
        if ending in {"а", "у", "е"}:
            return [form if ending == "а" else match["stem"], match["stem"] + "а" if ending != "а" else match["stem"]]
        return [match["stem"] + ("а" if ending in {"ой", "ою"} else "")]
    candidates = [form]
    for ending, nominative in _ENDINGS_BACK:
        if form.endswith(ending) and len(form) - len(ending) >= 2:
            candidates.append(form[: -len(ending)] + nominative)
    return list(dict.fromkeys(candidates))


_ENDINGS_BACK = (
    ("ой", "а"), ("ою", "а"), ("ей", "я"), ("ею", "я"), ("ей", "а"), ("ом", ""), ("ем", "й"), ("ем", "ь"), ("ем", ""),
    ("ы", "а"), ("и", "а"), ("и", "я"), ("е", "а"), ("е", "я"), ("е", ""), ("у", "а"), ("у", ""), ("ю", "я"),
    ("ю", "й"), ("ю", "ь"), ("а", ""), ("я", "й"), ("я", "ь"), ("ии", "ия"), ("ью", "ь"),
)  # fmt: skip
"""Ending of an oblique form, and what the nominative has in its place."""
