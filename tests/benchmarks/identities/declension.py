"""Cases of Russian personal names by a hand-written table: no engine under test had a part in it."""

import re
from typing import Literal

Case = Literal["nom", "gen", "dat", "acc", "ins", "pre"]
CASES: tuple[Case, ...] = ("nom", "gen", "dat", "acc", "ins", "pre")

_IRREGULAR = {"Лев": "Льв", "Павел": "Павл", "Любовь": "Любов"}
_HUSHING = "жшчщц"
_VELAR = "гкх"
_UNINFLECTED = re.compile(r"(?:[оуиэею]|ых|их)$")


def given_name(name: str, case: Case, *, female: bool) -> str:
    """Return a given name, a patronymic or a short form in a case (all are nouns; a woman's name on a consonant stays)."""
    stem = name[:-1]
    if case == "nom":
        return name
    if name.endswith("ия"):
        return stem + {"gen": "и", "dat": "и", "acc": "ю", "ins": "ей", "pre": "и"}[case]
    if name.endswith("я"):
        return stem + {"gen": "и", "dat": "е", "acc": "ю", "ins": "ей", "pre": "е"}[case]
    if name.endswith("а"):
        genitive = "и" if stem[-1] in _VELAR + _HUSHING.replace("ц", "") else "ы"
        return stem + {"gen": genitive, "dat": "е", "acc": "у", "ins": "ей" if stem[-1] in _HUSHING else "ой", "pre": "е"}[case]
    if name == "Любовь":
        return {"gen": "Любови", "dat": "Любови", "acc": "Любовь", "ins": "Любовью", "pre": "Любови"}[case]
    if female or _UNINFLECTED.search(name):
        return name
    if name.endswith("ий"):
        return stem + {"gen": "я", "dat": "ю", "acc": "я", "ins": "ем", "pre": "и"}[case]
    if name.endswith(("й", "ь")):
        return stem + {"gen": "я", "dat": "ю", "acc": "я", "ins": "ем", "pre": "е"}[case]
    stem = _IRREGULAR.get(name, name)
    return stem + {"gen": "а", "dat": "у", "acc": "а", "ins": "ем" if stem[-1] in _HUSHING else "ом", "pre": "е"}[case]


def family_name(name: str, case: Case, *, female: bool) -> str:
    """Return a family name on -ов, -ев, -ин (women: with -а) in a case; others stay as they are."""
    if case == "nom":
        return name
    if female and name.endswith(("ова", "ева", "ёва", "ина")):
        return name[:-1] + ("у" if case == "acc" else "ой")
    if not female and name.endswith(("ов", "ев", "ёв", "ин")):
        return name + {"gen": "а", "dat": "у", "acc": "а", "ins": "ым", "pre": "е"}[case]
    return name
