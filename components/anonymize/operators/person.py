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
from components.anonymize.operators.name_pools import Gender, full_given_name, invented, pool
from components.anonymize.operators.person_names import PARTICLES, PersonName, Role, read_name
from components.anonymize.operators.surface import in_case_of
from components.shared.languages import Language, Script
from components.shared.normalize import canonical, normalize

_SPLIT = re.compile(r"[\s.\-,]+")
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*'?")
_FEMININE = (
    (re.compile(r"(?<=[оеё]в|[иы]н)$"), "а"), (re.compile(r"(?:ский|ской)$"), "ская"),
    (re.compile(r"(?<=[oe]v|in|yn)$"), "a"), (re.compile(r"sk(?:y|oy)$"), "skaya"),
)  # fmt: skip
_FEMININE_PATRONYMIC = ((re.compile("ич$"), "на"), (re.compile("ich$"), "na"))
_MASCULINE = (
    (re.compile(r"(?<=[оеё]в|[иы]н)(?:а|ой|у|ым|е)$"), ""), (re.compile(r"(?:ская|ской|скую|ского|скому|ским|ском)$"), "ский"),
    (re.compile(r"(?<=[oe]v|in|yn)a$"), ""), (re.compile(r"skaya$"), "sky"),
    (re.compile("(?<=[ое]в)на$"), "ич"), (re.compile("(?<=[oe]v)na$"), "ich"),
)  # fmt: skip


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
            words = [word for word in _SPLIT.split(mention.entity) if word and word not in PARTICLES] or bases or [mention.entity]
            ordered = [base for base in bases if base in words]
            complete = ordered if set(ordered) == set(words) else []
            self._names[mention.entity] = read_name(words, mention.language, complete)
        return self._names[mention.entity]

    def _base(self, word: str, mention: Mention) -> str:
        """Return the word of the entity that a surface word is a form of, else its lemma."""
        spelled = canonical(word).rstrip("'")
        words = [part for part in _SPLIT.split(mention.entity) if part]
        if spelled in words or spelled in PARTICLES:
            return spelled
        filed = self._lemma(spelled, mention.language)
        if filed in words:
            return filed
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
        role = name.roles.get(base, "given")
        chosen = self._chosen(base, role, name, mention.language)
        if len(canonical(surface)) == 1:
            return in_case_of(chosen[0], surface) if surface.isupper() else chosen[0].lower()
        if canonical(surface) != base and (mention.language in ("ru", "uz") or name.script == "cyrillic"):
            chosen = inflect_like(chosen, normalize(surface).text, base)
        return in_case_of(chosen, surface)

    def _chosen(self, base: str, role: Role, name: PersonName, language: Language | None) -> str:
        """Return the surrogate of a word in its base form, in the gender of the name."""
        if role == "given":
            return self._given(full_given_name(base), name, language)
        masculine = _replaced(base, _MASCULINE)
        feminine = (masculine != base and name.gender != "male") or name.gender == "female"
        names = pool(name.culture, name.script)
        known = names.patronymic if role == "patronymic" and names.patronymic else names.family
        candidates = chain(self._keyed.walk(known, role, masculine), invented("neutral", name.script, family=True))
        endings = _FEMININE_PATRONYMIC if role == "patronymic" else _FEMININE

        def both(candidate: str) -> Iterator[str]:
            for form in {candidate, _replaced(candidate, endings)}:
                yield from _spellings(form, name.script, language)

        chosen = self._assignment.choose((role, masculine), candidates, both)
        return _replaced(chosen, endings) if feminine else chosen

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
