"""Names for names: word by word, so that a full name and its parts stay one person, in the same case, number and gender.

Each word of a name gets a word of the same role: Anna Petrova is Mila Zotova everywhere, Anna is Mila, Petrov (her husband) is Zotov.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from itertools import chain

from components.anonymize import uz_suffixes
from components.anonymize.inflection import forms_of, inflect_like, lemma
from components.anonymize.operators.assignment import Assignment
from components.anonymize.operators.keyed import KeyedChoice
from components.anonymize.operators.mention import Mention
from components.anonymize.operators.name_pools import Gender, full_given_name, invented, known_names, pool
from components.anonymize.operators.person_names import PARTICLES, PersonName, Role, culture_of, gender_of, read_name, role_by_form
from components.anonymize.operators.surface import in_case_of
from components.shared.languages import Language, Script
from components.shared.normalize import canonical, normalize

_SPLIT = re.compile(r"[\s.\-,]+")
_WORD = re.compile(r"(?P<word>[^\W\d_]+(?:'(?!s\b)[^\W\d_]+)*'?(?!s\b))(?:'s\b)?", re.IGNORECASE)
"""A word of a name; an English possessive ending is none of it."""
_Endings = tuple[tuple[re.Pattern[str], str], ...]
_FEMININE: _Endings = (
    (re.compile(r"(?<=[оеё]в|[иы]н)$"), "а"),
    (re.compile(r"(?<=[сц]к)(?:ий|ой)$"), "ая"),
    (re.compile(r"(?<=[oe]v|in|yn)$"), "a"),
    (re.compile(r"(?<=sk)(?:y|oy)$"), "aya"),
)
_FEMININE_PATRONYMIC: _Endings = ((re.compile("ич$"), "на"), (re.compile("ich$"), "na"))
_MASCULINE: _Endings = (
    (re.compile(r"(?<=[оеё]в|[иы]н)(?:а|ой|у|ым|е|ы|ых|ыми)$"), ""),
    (re.compile(r"(?<=[сц]к)(?:ая|ой|ую|ого|ому|им|ом|ие|их)$"), "ий"),
    (re.compile(r"(?<=[oe]v|in|yn)a$"), ""),
    (re.compile(r"skaya$"), "sky"),
)
_MASCULINE_PATRONYMIC: _Endings = ((re.compile("(?<=[ое]в)на$"), "ич"), (re.compile("(?<=[oe]v)na$"), "ich"))
_UZBEK_ENDINGS = ("ni", "ning", "ga", "da", "dan", "lar", "niki", "cha", "jon", "xon")
_SURELY_FAMILY = re.compile(r".{3,}(?:[оеё]в|[сц]к(?:ий|ой))$")
"""As a form of a given name (Каримов: of the Karims) it hardly ever stands."""
_PERHAPS_FAMILY = re.compile(r".{3,}[иы]н$")
_RUSSIAN_SPELLING = str.maketrans("қғҳўҚҒҲЎ", "кгхуКГХУ")
"""How Russian writes the letters of Uzbek names that it lacks."""


class PersonSurrogates:
    """The surrogate names of one person's rows."""

    def __init__(self, keyed: KeyedChoice, assignment: Assignment) -> None:
        self._keyed, self._assignment = keyed, assignment
        self._names: dict[str, PersonName] = {}
        self._lemmas: dict[tuple[str, Language | None], str] = {}

    def replacement(self, mention: Mention) -> str:
        """Return the surrogate of a name as it stands in a turn: as many words, the same separators, case and inflection."""
        surface = normalize(mention.surface).text
        matches = list(_WORD.finditer(surface))
        bases = [self._base(match["word"], mention) for match in matches]
        name = self._name(mention, bases, [canonical(match["word"]) for match in matches])
        pieces: list[str] = []
        position = 0
        for match, base in zip(matches, bases, strict=True):
            pieces += [self._figures(surface[position : match.start()], mention), self._word(match["word"], base, name, mention)]
            position = match.end("word")
        return "".join([*pieces, self._figures(surface[position:], mention)])

    def _figures(self, between: str, mention: Mention) -> str:
        """Return what stands between the words; figures of a name (a year of birth, mostly) become others."""
        own = self._keyed.digits(len(between), "PERSON figures", mention.entity, between)
        return "".join(figure if character.isdecimal() else character for character, figure in zip(between, own, strict=True))

    def _name(self, mention: Mention, bases: list[str], spelled: list[str]) -> PersonName:
        """Read the entity once: its words tell culture and gender, a mention with all of them tells which word is the family name."""
        if mention.entity not in self._names:
            words = [word for word in _SPLIT.split(mention.entity) if word and word not in PARTICLES]
            ordered = [base for base in bases if base not in PARTICLES]
            complete = len(ordered) >= max(1, len(words))
            name = read_name(ordered if complete else words, mention.language, in_order=complete)
            # The entity may hold a family name in the masculine; in the nominative the surface tells more.
            gendered = spelled if complete and bases[0] == spelled[0] else words or ordered
            self._names[mention.entity] = replace(
                name,
                culture=culture_of(words or ordered, name.script, mention.language),
                gender=gender_of(gendered, [word for word in words if name.roles.get(word) == "given"] or _given(name), name.script),
            )
        return self._names[mention.entity]

    def _base(self, word: str, mention: Mention) -> str:
        """Return the word of the entity that a surface word is a form of, family names in the masculine; else its lemma."""
        spelled = canonical(word).rstrip("'")
        words = [part for part in _SPLIT.split(mention.entity) if part]
        if spelled in PARTICLES:
            return spelled
        filed = self._lemma(spelled, mention.language)
        if not _is_english(mention):
            masculine = _replaced(spelled, _MASCULINE)
            listed = filed in known_names() or full_given_name(filed) != filed
            if _SURELY_FAMILY.match(masculine) or (_PERHAPS_FAMILY.match(masculine) and not listed and spelled not in known_names()):
                return masculine
        if spelled in words or filed in words:
            return spelled if spelled in words else filed
        if len(spelled) == 1:
            return next((part for part in words if part.startswith(spelled)), spelled)
        same = [part for part in words if full_given_name(part) == full_given_name(filed) or _stem(part) == _stem(spelled)]
        return same[0] if same else filed

    def _lemma(self, word: str, language: Language | None) -> str:
        if language == "en" or (language is None and word.isascii()):
            return word
        key = (word, language)
        if key not in self._lemmas:
            self._lemmas[key] = canonical(lemma(word, language or "ru"))
        return self._lemmas[key]

    def _word(self, surface: str, base: str, name: PersonName, mention: Mention) -> str:
        if base in PARTICLES:
            return surface
        role = name.roles.get(base) or role_by_form(base, name.script)
        chosen, nominative = self._chosen(base, role, name, mention)
        if name.culture == "uz" and mention.language == "ru":
            chosen = chosen.translate(_RUSSIAN_SPELLING)
        if len(canonical(surface)) == 1:
            return chosen[0].upper() if surface.isupper() else chosen[0].lower()
        if canonical(surface) != nominative and not _is_english(mention):
            chosen = inflect_like(chosen, normalize(surface).text, nominative)
        return in_case_of(chosen, surface)

    def _chosen(self, base: str, role: Role, name: PersonName, mention: Mention) -> tuple[str, str]:
        """Return the surrogate of a word and the word itself, both in their base form and in the gender of the name."""
        if role == "given":
            return self._given(full_given_name(base), name, mention.language), base
        # English has no cases: there the form of the word itself tells whether it is a woman's.
        inflecting = not _is_english(mention)
        names, endings, back = pool(name.culture, name.script).family, _FEMININE, _MASCULINE
        if role == "patronymic":
            names, endings, back = pool("ru", name.script).patronymic, _FEMININE_PATRONYMIC, _MASCULINE_PATRONYMIC
        elif name.culture not in ("ru", "uz"):
            endings = back = ()
        masculine = _replaced(base, back)

        def both(candidate: str) -> Iterator[str]:
            for form in {candidate, _replaced(candidate, endings)}:
                yield from _spellings(form, name.script, mention.language)

        candidates = chain(self._keyed.walk(names, role, masculine), invented("neutral", name.script, family=True))
        chosen = self._assignment.choose((role, masculine), candidates, both)
        if masculine != base or (name.gender == "female" and inflecting):
            return _replaced(chosen, endings), _replaced(masculine, endings)
        return chosen, masculine

    def _given(self, base: str, name: PersonName, language: Language | None) -> str:
        gender: Gender = name.gender
        if gender == "neutral":
            known = [slot for slot in (("given", base, "female"), ("given", base, "male")) if self._assignment.known(slot)]
            if len(known) == 1:
                return self._assignment.choose(known[0], ())
        names = pool(name.culture, name.script).given
        first, then = names[gender], (*names["female"], *names["male"]) if gender == "neutral" else ()
        candidates = chain(
            self._keyed.walk(first, "given", base, gender), self._keyed.walk(then, "given", base), invented(gender, name.script)
        )
        return self._assignment.choose(("given", base, gender), candidates, lambda candidate: _spellings(candidate, name.script, language))


def _given(name: PersonName) -> list[str]:
    return [word for word, role in name.roles.items() if role == "given"]


def _is_english(mention: Mention) -> bool:
    """English, or Latin letters in a turn of no known language: names take no endings."""
    return mention.language == "en" or (mention.language is None and mention.surface.isascii())


def _stem(word: str) -> str:
    """Cut a case ending off; words of one stem within one name are forms of one word."""
    return word[: max(3, len(word) - 3)]


def _replaced(word: str, endings: Iterable[tuple[re.Pattern[str], str]]) -> str:
    for pattern, ending in endings:
        if pattern.search(word):
            return pattern.sub(ending, word)
    return word


@cache
def _spellings(candidate: str, script: Script, language: Language | None) -> tuple[str, ...]:
    """Return the forms in which a candidate may come to stand."""
    if language == "uz":
        endings = _UZBEK_ENDINGS if script == "latin" else tuple(map(uz_suffixes.to_cyrillic, _UZBEK_ENDINGS))
        return (candidate, *(candidate + ending for ending in endings))
    return (candidate,) if script == "latin" else (candidate, *forms_of(candidate, "ru"))
