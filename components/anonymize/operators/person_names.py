"""Reading a name: which word is the given and which the family name, of what culture and gender the name is."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from components.anonymize import lexicon
from components.anonymize.operators.name_pools import Culture, Gender, full_given_name, is_short_for_both, known_names
from components.anonymize.operators.surface import is_cyrillic
from components.shared.languages import Language, Script

Role = Literal["given", "patronymic", "family"]

PARTICLES = frozenset(
    "de del della di da dos das do van von der den ter ten bin ibn bint al el la le du mac st thi dr mr mrs ms miss mx prof doctor sir"  # noqa: SIM905 - a list of words is read as words
    " доктор д-р г-н г-жа господин госпожа тётя дядя o'g'li qizi ўғли қизи opa aka xola amaki опа ака хола".split()
)
"""Words within a name that stay: they name nobody."""
_FATHER = frozenset(["o'g'li", "qizi", "ўғли", "қизи"])
_PATRONYMIC = re.compile(r"(?:[ое]вич|ьич|[ое]вна|ична|[oe]vich|[oe]vna)(?:а|у|ем|е|ой|ы)?$")
_FAMILY_ENDINGS: dict[Script, tuple[tuple[re.Pattern[str], Culture | None], ...]] = {
    "cyrillic": (
        (re.compile(r"(?:[ое]в|ёв|ин|ын|ск(?:ий|ой)|ко|ук|юк|их|ых)$|(?:[ое]ва|ёва|ина|ская)$"), None),
        (re.compile(r"(?:дзе|швили|ян)$"), None),
    ),
    "latin": (
        (re.compile(r"(?:[oey]v|[oey]va|sky|skaya|skiy|skij|enko|chuk|ovich)$"), None),
        (re.compile(r"(?:oğlu|oglu|türk|soy)$"), "tr"),
        (re.compile(r"(?:wala|swamy|nathan|murthy|appa)$"), "in"),
        (re.compile(r"^(?:al|el|abu|ibn)-"), "ar"),
        (re.compile(r"(?:son|ford|ton|wood|field|worth|well|man|ley|ing|ham)$"), "en"),
    ),
}
_FEMALE_FAMILY = re.compile(r"(?:[ое]ва|ёва|ина|ына|ская|ская|[oey]va|skaya|[oe]vna)$|(?:овой|евой|ёвой|иной|ской|скую|овну|ову|еву|ёву)$")
_MALE_FAMILY = re.compile(r"(?:[ое]в|ёв|ын|ск(?:ий|ой)|[oey]v|sky|skiy|ovich|ович|евич)$|(?:овым|евым|ёвым|иным|ским|ского|скому|ову|еву)$")
_UZBEK_GIVEN: tuple[tuple[re.Pattern[str], Gender], ...] = (
    (re.compile(r"(?:gul|oy|oyim|bonu|niso|xon|nora|noza|бону|гул|ой|нисо|нора|ноза)$"), "female"),
    (re.compile(r"(?:bek|jon|boy|mirza|iddin|ulla|ulloh|murod|sher|бек|жон|бой|мирза|иддин|улла|уллоҳ|мурод|шер)$"), "male"),
)
_FEMALE_LATIN = re.compile(r"(?:a|elle|ette|ine|een|yn|ia|ie|beth)$")


@dataclass(frozen=True)
class PersonName:
    """What a name says of itself."""

    culture: Culture
    script: Script
    gender: Gender
    roles: dict[str, Role]
    """Role of each word of the name."""


def read_name(words: Sequence[str], language: Language | None, *, in_order: bool) -> PersonName:
    """Read a name.

    Args:
        words: its words, canonical, without particles; at least one.
        language: of the turn.
        in_order: they stand as a turn has them, so that their order decides where no list does.
    """
    words = list(dict.fromkeys(words)) if in_order else sorted(set(words))
    script: Script = "cyrillic" if is_cyrillic("".join(words)) else "latin"
    roles = _roles(words, script)
    given = [word for word in words if roles[word] == "given"]
    return PersonName(culture_of(words, script, language), script, gender_of(words, given, script), roles)


def role_by_form(word: str, script: Script) -> Role:
    """Return the role that a single word suggests by itself."""
    if _PATRONYMIC.search(word):
        return "patronymic"
    return "family" if _family_evidence(word, script) > 0 else "given"


def _roles(words: Sequence[str], script: Script) -> dict[str, Role]:
    roles: dict[str, Role] = {word: "patronymic" for word in words if _PATRONYMIC.search(word)}
    if _FATHER & set(words):  # "Akmal o'g'li", son of Akmal: no family name follows from the order
        return {word: roles.get(word, "family" if _family_evidence(word, script) > 0 else "given") for word in words}
    left = [word for word in words if word not in roles]
    evidence = {word: _family_evidence(word, script) for word in left}
    if len(left) == 1:
        roles[left[0]] = "family" if not roles and evidence[left[0]] > 0 else "given"
    elif left:
        strongest = max(evidence.values())
        family = next(word for word in reversed(left) if evidence[word] == strongest)
        roles |= {word: "family" if word == family else "given" for word in left}
    return {word: roles[word] for word in words}


def _family_evidence(word: str, script: Script) -> int:
    """Return how much a word looks like a family name: negative for a given name of the lists, 0 where nothing tells."""
    if len(word) == 1:
        return -1
    folded = lexicon.fold(word)
    uses = {use.role for use in known_names().get(word, ())}
    given = "given" in uses or full_given_name(word) != word or lexicon.is_given_name(folded)
    family = "family" in uses or any(pattern.search(word) for pattern, _ in _FAMILY_ENDINGS[script]) or lexicon.is_family_name(folded)
    return int(family) - 2 * int(given) if family != given else int("family" in uses) - int("given" in uses)


def culture_of(words: Sequence[str], script: Script, language: Language | None) -> Culture:
    """Return the culture for which most of the words speak; the language of the turn decides ties."""
    votes: Counter[Culture] = Counter()
    for word in words:
        uses = {use.culture for use in known_names().get(full_given_name(word), ())}
        for culture in uses:
            votes[culture] += 6 // len(uses)
        for pattern, culture_of_ending in _FAMILY_ENDINGS[script]:
            if culture_of_ending is not None and pattern.search(word):
                votes[culture_of_ending] += 2
        if any(pattern.search(word) for pattern, _ in _UZBEK_GIVEN) and not uses:
            votes["uz"] += 2
        if re.search("[ўқғҳ]|g'|o'(?![bcdhmnrs])", word):
            votes["uz"] += 4
        if re.search("[çğışöü]", word):
            votes["tr"] += 3
        if script == "latin" and re.search(r"(?:[oe]va?|sky|skaya|enko)$", word):
            votes["uz" if language == "uz" else "ru"] += 2
    if script == "cyrillic":
        return "uz" if votes["uz"] + 3 * (language == "uz") > max(votes["ru"], 2) else "ru"
    votes["uz"] += 2 * (language == "uz")
    votes["en"] += language != "uz"
    return max(votes, key=lambda culture: (votes[culture], culture == "en"))


def gender_of(words: Sequence[str], given: Sequence[str], script: Script) -> Gender:
    """Return the gender that a given name of the lists tells, else the family name, else the ending of the given name."""
    sure = [word for word in given if not is_short_for_both(word)]
    for word in sure:
        genders = {use.gender for use in known_names().get(full_given_name(word), ()) if use.role == "given"} - {"neutral"}
        if len(genders) == 1:
            return genders.pop()
    for word in words:
        if word in given:
            continue
        female, male = _FEMALE_FAMILY.search(word) is not None, _MALE_FAMILY.search(word) is not None
        if female != male:
            return "female" if female else "male"
    for word in sure:
        for pattern, gender in _UZBEK_GIVEN:
            if pattern.search(word):
                return gender
        if script == "cyrillic":
            return "female" if word.endswith(("а", "я")) else "male"
        if lexicon.is_given_name(lexicon.fold(word)) and _FEMALE_LATIN.search(word):
            return "female"
    return "neutral"
