"""Names for names: one person stays one, culture, gender and case stay, nobody's name is handed out. Everybody here is invented."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.anonymize.entities import Identities, Value
from components.anonymize.entities import forms as forms_to_find
from components.anonymize.inflection import inflect_like
from components.anonymize.leak_check import PersonOriginals
from components.anonymize.operators import Mention, Operators, full_given_name
from components.anonymize.operators.name_pools import CULTURES, known_names, pool, scripts
from components.anonymize.operators.person_names import read_name
from components.anonymize.policy import Policy
from components.shared.languages import Language
from components.shared.normalize import canonical
from components.shared.original_values import OriginalValues

KEY = bytes(range(32))
POLICY = Policy.load("surrogates")
PEOPLE = st.text("abcdef0123456789", min_size=1, max_size=8)
ROOT = Path(__file__).parents[3]


def operators(person: str = "p1", is_original: Callable[[str], bool] = lambda _: False, key: bytes = KEY) -> Operators:
    return Operators(POLICY, key, person, is_original, {})


def named(own: Operators, entity: str, surface: str, language: Language | None = "en") -> str:
    return own.replacement(Mention("PERSON", entity, surface, language))


# One person stays one


def test_a_full_name_and_its_parts_are_one_person() -> None:
    own = operators()
    given_, family = named(own, "marisol quispe", "Marisol Quispe").split()
    assert named(own, "marisol quispe", "Marisol") == given_
    assert named(own, "marisol quispe", "Quispe") == family
    assert named(own, "marisol quispe", "Quispe, Marisol") == f"{family}, {given_}"
    assert named(own, "marisol quispe", "marisol") == given_.lower()
    assert named(own, "marisol quispe", "MARISOL QUISPE") == f"{given_} {family}".upper()
    assert named(own, "marisol quispe", "M. Quispe") == f"{given_[0]}. {family}"
    assert named(own, "marisol quispe", "Dr. Quispe") == f"Dr. {family}"
    assert {given_, family} & {"Marisol", "Quispe"} == set()


@pytest.mark.parametrize(
    ("short", "full", "language"),
    [
        ("Will", "William", "en"),
        ("Katie", "Katherine", "en"),
        ("Настя", "Анастасия", "ru"),
        ("Серёжа", "Сергей", "ru"),
        ("Дима", "Дмитрий", "ru"),
    ],
)
def test_a_short_form_is_the_same_person(short: str, full: str, language: Language) -> None:
    own = operators()
    assert named(own, canonical(short), short, language) == named(own, canonical(full), full, language)
    assert full_given_name(canonical(short)) == canonical(full)


def test_a_short_form_of_men_and_women_follows_the_full_name_that_is_known() -> None:
    own = operators()
    full = named(own, "александр", "Александр", "ru")
    assert named(own, "саша", "Саша", "ru") == full
    woman = named(operators("p2"), "петрова саша", "Саша Петрова", "ru").split()
    assert known_names()[canonical(woman[0])][0].gender == "female"
    assert woman[1].endswith("а")


def test_man_and_wife_share_a_family_name_and_no_given_name() -> None:
    own = operators()
    husband, wife = named(own, "иван соколов", "Иван Соколов", "ru").split(), named(own, "анна соколова", "Анна Соколова", "ru").split()
    assert husband[0] != wife[0]
    assert wife[1] in {husband[1] + "а", husband[1].removesuffix("ий") + "ая"}


# Grammar


def forms(own: Operators, entity: str, surfaces: str, language: Language) -> list[str]:
    return [named(own, entity, surface, language) for surface in surfaces.split("|")]


@given(PEOPLE)
def test_russian_cases_of_a_woman(person: str) -> None:
    own = operators(person)
    result = forms(own, "анна соколова", "Анна Соколова|Анны Соколовой|Анне Соколовой|Анну Соколову|Анной Соколовой", "ru")
    names = [text.split() for text in result]
    assert len({family for _, family in names}) == 3, "nominative, accusative, and one form for the other cases"
    nominative, genitive, dative, accusative, instrumental = names
    assert nominative[1].endswith(("ва", "на", "ая"))
    assert genitive[1] == dative[1] == instrumental[1]
    assert genitive[1].endswith("ой")
    assert accusative[1].endswith(("у", "ю"))
    if nominative[0].endswith(("а", "я")):
        assert accusative[0].endswith(("у", "ю"))
        assert genitive[0].endswith(("ы", "и"))
        assert dative[0].endswith(("е", "и"))


@given(PEOPLE)
def test_russian_cases_of_a_man(person: str) -> None:
    own = operators(person)
    result = forms(own, "олег соколов", "Олег Соколов|Олега Соколова|Олегу Соколову|Олегом Соколовым", "ru")
    nominative, genitive, dative, instrumental = (text.split() for text in result)
    assert len({nominative[1], genitive[1], dative[1], instrumental[1]}) == 4
    if nominative[1].endswith(("ов", "ев", "ёв", "ин", "ын")):
        stem = nominative[1]
        assert [genitive[1], dative[1], instrumental[1]] == [stem + "а", stem + "у", stem + "ым"]


def test_russian_patronymics_keep_gender_and_case() -> None:
    own = operators()
    nominative = named(own, "ирина олеговна", "Ирина Олеговна", "ru").split()
    instrumental = named(own, "ирина олеговна", "Ириной Олеговной", "ru").split()
    assert nominative[1].endswith("на")
    assert instrumental[1] == nominative[1][:-1] + "ой"
    assert named(own, "олегович", "Олегович", "ru") == nominative[1][:-2] + "ич"


@pytest.mark.parametrize("suffix", ["ga", "ning", "dan", "ni", "da"])
def test_uzbek_endings_stay(suffix: str) -> None:
    own = operators()
    base = named(own, "sherzod", "Sherzod", "uz")
    assert named(own, "sherzod", f"Sherzod{suffix}", "uz").startswith(base[:-1])
    assert named(own, "sherzod", f"Sherzod{suffix}", "uz").endswith(suffix[-2:])
    assert named(own, "sherzod", f"sherzod{suffix}", "uz").islower()


def test_uzbek_cyrillic_stays_cyrillic_and_russian_spelling_has_russian_letters() -> None:
    for number in range(60):
        own = operators(f"p{number}")
        uzbek = named(own, "шерзод тўраев", "Шерзод Тўраев", "uz")
        russian = named(own, "шерзод тўраев", "Шерзод Тураев", "ru")
        assert not any(letter.isascii() and letter.isalpha() for letter in uzbek)
        assert not set(russian.lower()) & set("қғҳў")


def test_figures_and_possessives_of_a_name() -> None:
    own = operators()
    plain = named(own, "marisol", "Marisol")
    assert named(own, "marisol", "Marisol's") == f"{plain}'s"
    other = named(own, "marisol88", "Marisol88")
    assert other.startswith(plain)
    assert other[len(plain) :].isdecimal()
    assert other != f"{plain}88"


# Culture and gender


@pytest.mark.parametrize(
    ("words", "language", "culture", "gender"),
    [
        ("james miller", "en", "en", "male"),
        ("olga romanova", "en", "ru", "female"),
        ("mehmet yılmaz", "en", "tr", "male"),
        ("priya sharma", "en", "in", "female"),
        ("ahmed al-rashid", "en", "ar", "male"),
        ("nguyen minh", "en", "vn", "male"),
        ("ngozi okafor", "en", "ng", "female"),
        ("gulnora karimova", "uz", "uz", "female"),
        ("ирина соколова", "ru", "ru", "female"),
        ("дилноза", "ru", "uz", "female"),
        ("шерзод каримов", "ru", "uz", "male"),
        ("zorblat", "en", "en", "neutral"),
    ],
)
def test_a_name_is_read(words: str, language: Language, culture: str, gender: str) -> None:
    name = read_name(words.split(), language, in_order=True)
    assert (name.culture, name.gender) == (culture, gender)


@pytest.mark.parametrize("culture", CULTURES)
@pytest.mark.parametrize("gender", ["female", "male"])
def test_culture_and_gender_of_the_surrogate_are_those_of_the_original(culture: str, gender: str) -> None:
    script = scripts(culture)[-1]  # type: ignore[arg-type]
    language: Language = {"ru": "ru", "uz": "uz"}.get(culture, "en")  # type: ignore[assignment]
    names = pool(culture, script)  # type: ignore[arg-type]
    wrong = 0
    for number in range(40):
        original = names.given[gender][number]  # type: ignore[index]
        uses = known_names()[canonical(original)]
        if len({(use.culture, use.gender) for use in uses}) > 1:
            continue
        surrogate = named(operators(f"p{number}"), canonical(original), original, language)
        wrong += not any((use.culture, use.gender) == (culture, gender) for use in known_names()[canonical(surrogate)])
    assert wrong == 0


def test_pools_are_large_enough() -> None:
    for culture in CULTURES:
        for script in scripts(culture):
            names = pool(culture, script)
            for gender in ("female", "male"):
                assert len(set(names.given[gender])) >= 95  # type: ignore[index]
                assert len(set(names.given[gender])) * len(set(names.family)) >= 4000  # type: ignore[index]
            assert len(set(map(canonical, names.family))) == len(names.family)


def test_every_russian_name_of_the_pools_takes_its_cases() -> None:
    """A name that the tables decline wrongly must not be offered."""
    names = pool("ru", "cyrillic")
    for name in names.given["female"]:
        if name[-1] in "ая":
            assert inflect_like(name, "анны", "анна")[-1] in "ыи", name
            assert inflect_like(name, "анну", "анна")[-1] in "ую", name
    for name in names.given["male"]:
        assert inflect_like(name, "олега", "олег")[-1] in "аяыи", name
        assert not inflect_like(name, "олега", "олег").endswith("го"), name
    for name in names.family:
        woman = name + "а" if name[-1] in "вн" else name[:-2] + "ая"
        assert inflect_like(woman, "соколовой", "соколова").endswith("ой"), name
        assert inflect_like(name, "соколовым", "соколов")[-2:] in ("ым", "им"), name


# Laws

NAMES = st.lists(
    st.tuples(
        st.sampled_from(["Anna", "Priya", "Mehmet", "Chidi", "Zorblat", "Olga", "Will", "Nguyen", "Leo", "Xu"]),
        st.sampled_from(["Miller", "Sharma", "Yılmaz", "Okafor", "Romanova", "Tran", "Quux", "O'Neil", "Romanov", "Miller"]),
    ),
    min_size=1,
    max_size=12,
    unique=True,
)


@given(PEOPLE, NAMES)
def test_different_names_of_a_person_get_different_surrogates_and_no_original(person: str, names: list[tuple[str, str]]) -> None:
    originals = {canonical(word) for name in names for word in name}
    # Half of all the pools are somebody's in this corpus.
    taken = {name for number, name in enumerate(sorted(known_names())) if number % 2}
    forbidden = originals | taken
    own = operators(person, lambda word: canonical(word) in forbidden)
    surrogates = [named(own, " ".join(sorted(map(canonical, name))), " ".join(name)) for name in names]
    assert len(set(map(canonical, surrogates))) == len(names)
    words = {canonical(word) for surrogate in surrogates for word in surrogate.split()}
    assert not words & forbidden


def test_a_corpus_that_holds_every_name_gets_invented_ones() -> None:
    own = operators(is_original=lambda word: canonical(word) in known_names())
    surrogates = [named(own, f"anna miller{number}", f"Anna Miller{'abcdefghij'[number]}") for number in range(10)]
    assert not {canonical(word) for surrogate in surrogates for word in surrogate.split()} & set(known_names())
    russian = named(own, "ирина соколова", "Ириной Соколовой", "ru").split()
    assert russian[1].endswith("ой")


def test_inflected_originals_are_originals_too() -> None:
    """Where "Александра" is an original, a man must not be called Александр: his genitive would be her name."""
    for number in range(400):
        own = operators(f"p{number}", lambda word: word == "александра")
        assert named(own, "олег", "Олега", "ru") != "Александра"


def test_the_offered_names_are_spread_over_the_pool() -> None:
    given_ = {named(operators(f"p{number}"), "olga romanova", "Olga") for number in range(400)}
    assert len(given_) > 100, "129 names, 400 draws: 123 are expected"


def test_the_same_name_of_two_people_is_unlinked() -> None:
    pairs = [
        (named(operators(f"p{n}"), "anna miller", "Anna Miller"), named(operators(f"q{n}"), "anna miller", "Anna Miller"))
        for n in range(50)
    ]
    assert sum(one == other for one, other in pairs) == 0
    keys = {named(operators(key=bytes([number]) * 32), "anna miller", "Anna Miller") for number in range(50)}
    assert len(keys) > 45


@given(PEOPLE, NAMES)
def test_the_order_of_the_mentions_of_one_name_does_not_matter(person: str, names: list[tuple[str, str]]) -> None:
    entity, surface = " ".join(sorted(map(canonical, names[0]))), " ".join(names[0])
    whole = named(operators(person), entity, surface)
    lower_first = operators(person)
    assert named(lower_first, entity, surface.lower()) == whole.lower()
    assert named(lower_first, entity, surface) == whole


def test_the_leak_check_finds_no_original_in_the_surrogates() -> None:
    """People whose names are all of the pools: what is written for one is neither that person's nor anybody's value."""
    people = []
    for number, (language, culture, script) in enumerate(
        [("en", "en", "latin"), ("ru", "ru", "cyrillic"), ("uz", "uz", "latin"), ("en", "ar", "latin")] * 5
    ):
        names = pool(culture, script)  # type: ignore[arg-type]
        values = []
        for gender in ("female", "male"):
            first, last = names.given[gender][number], names.family[-number - 1]  # type: ignore[index]
            values += [Value("PERSON", text, language) for text in (f"{first} {last}", first, last)]  # type: ignore[arg-type]
        people.append(values)
    corpus = OriginalValues(KEY)
    for values in people:
        corpus.update([*(form.text for form in forms_to_find(values)), *(value.surface for value in values)])
    for number, values in enumerate(people):
        own, identities, originals = (
            operators(f"p{number}", corpus.__contains__),
            Identities(values),
            PersonOriginals(KEY, forms_to_find(values)),
        )
        for value in values:
            written = named(own, identities.key(value), value.surface, value.language)
            assert not originals.survive(f"said {written}")
            assert next(corpus.find(written), None) is None


_SCRIPT = """
from components.anonymize.inflection import inflect_like
from components.anonymize.operators import Mention, Operators
from components.anonymize.policy import Policy
own = Operators(Policy.load("strict"), bytes(32), "p1", lambda word: False, {})
for kind, surface, language in [("PERSON", "Ирине Соколовой", "ru"), ("PERSON", "Sherzodga", "uz"), ("DATE", "12 mart 2021", "uz"),
                                ("PHONE", "+998 90 123-45-67", "uz"), ("ID", "AA 1234567", "uz"), ("ADDRESS", "12 Oak Road", "en")]:
    print(own.replacement(Mention(kind, surface.casefold(), surface, language)))
"""


def test_processes_agree_whatever_their_hash_seed() -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-c", _SCRIPT], capture_output=True, check=True, cwd=ROOT,
            env={"PYTHONHASHSEED": seed, "PATH": "", "PYTHONUTF8": "1"},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(outputs) == 1
    assert len(outputs.pop().splitlines()) == 6
