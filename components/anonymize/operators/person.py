"""Names for names: word by word, so that a full name and its parts stay one person, in the same case, number and gender.

Each word of a name gets a word of the same role: Anna Petrova is Mila Zotova everywhere, Anna is Mila, Petrov (her husband) is Zotov.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain

from components.anonymize.inflection import forms_of, inflect_like, lemma
from components.anonymize.operators.assignment import Assignment
from components.anonymize.operators.keyed import KeyedChoice
from components.anonymize.operators.mention import Mention
from components.anonymize.operators.name_pools import Gender, full_given_name, invented, known_names, pool
from components.anonymize.operators.person_names import PARTICLES, PersonName, Role, read_name, role_by_form
from components.anonymize.operators.surface import in_case_of
from components.shared.languages import Language, Script
from components.shared.normalize import canonical, normalize

_SPLIT = re.compile(r"[\s.\-,]+")
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*'?")
_Endings = tuple[tuple[re.Pattern[str], str], ...]
_FEMININE: _Endings = (
    (re.compile(r"(?<=[оеё]в|[иы]н)$"), "а"),
    (re.compile(r"(?:ский|ской)$"), "ская"),
    (re.compile(r"(?<=[oe]v|in|yn)$"), "a"),
    (re.compile(r"sk(?:y|oy)$"), "skaya"),
)
_FEMININE_PATRONYMIC: _Endings = ((re.compile("ич$"), "на"), (re.compile("ich$"), "na"))
_MASCULINE: _Endings = (
    (re.compile(r"(?<=[оеё]в|[иы]н)(?:а|ой|у|ым|е|ы|ых|ыми)$"), ""),
    (re.compile(r"(?:ская|ской|скую|ского|скому|ским|ском|ские|ских)$"), "ский"),
    (re.compile(r"(?<=[oe]v|in|yn)a$"), ""),
    (re.compile(r"skaya$"), "sky"),
)
_MASCULINE_PATRONYMIC: _Endings = ((re.compile("(?<=[ое]в)на$"), "ич"), (re.compile("(?<=[oe]v)na$"), "ich"))
_SURELY_FAMILY = re.compile(r".{3,}(?:[оеё]в|ск(?:ий|ой))$")
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
        bases = [self._base(match.group(), mention) for match in matches]
        name = self._name(mention, bases)
        pieces: list[str] = []
        position = 0
        for match, base in zip(matches, bases, strict=True):
            pieces += [surface[position : match.start()], self._word(match.group(), base, name, mention)]
            position = match.end()
        return "".join([*pieces, surface[position:]])

    def _name(self, mention: Mention, bases: list[str]) -> PersonName:
        """Read the entity once; an entity without words (a handle taken for a name) is read as its surface."""
        if mention.entity not in self._names:
            words = [word for word in _SPLIT.split(mention.entity) if word and word not in PARTICLES]
            ordered = [base for base in bases if base not in PARTICLES]
            complete = len(ordered) >= max(1, len(words))
            self._names[mention.entity] = read_name(ordered if complete else words, mention.language, in_order=complete)
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
        chosen, nominative = self._chosen(base, role, name, mention.language)
        if name.culture == "uz" and mention.language == "ru":
            chosen = chosen.translate(_RUSSIAN_SPELLING)
        if len(canonical(surface)) == 1:
            return chosen[0].upper() if surface.isupper() else chosen[0].lower()
        if canonical(surface) != nominative and not _is_english(mention):
            chosen = inflect_like(chosen, normalize(surface).text, nominative)
        return in_case_of(chosen, surface)

    def _chosen(self, base: str, role: Role, name: PersonName, language: Language | None) -> tuple[str, str]:
        """Return the surrogate of a word and the word itself, both in their base form and in the gender of the name."""
        if role == "given":
            return self._given(full_given_name(base), name, language), base
        masculine = _replaced(base, _MASCULINE if role == "family" else _MASCULINE_PATRONYMIC)
        slavic = name.culture in ("ru", "uz")
        names = pool(name.culture, name.script).family
        if role == "patronymic":
            names, slavic = pool("ru", name.script).patronymic, True
        endings: _Endings = () if not slavic else _FEMININE if role == "family" else _FEMININE_PATRONYMIC

        def both(candidate: str) -> Iterator[str]:
            for form in {candidate, _replaced(candidate, endings)}:
                yield from _spellings(form, name.script, language)

        candidates = chain(self._keyed.walk(names, role, masculine), invented("neutral", name.script, family=True))
        chosen = self._assignment.choose((role, masculine), candidates, both)
        if name.gender == "female" or (name.gender == "neutral" and masculine != base):
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
    if script == "latin" and language != "uz":
        return (candidate,)
    return (candidate, *forms_of(candidate, language if language in ("ru", "uz") else "ru"))
