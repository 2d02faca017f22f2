"""What the benchmark plants must be what it says: right cases, right check digits, right places."""

import random
from itertools import cycle

import phonenumbers
import pytest
from stdnum import iban, luhn
from stdnum.ru import inn

from components.shared.records import Message
from tests.benchmarks.identities import check_digits, numbers, phones
from tests.benchmarks.identities.carriers import VARIETIES, Variety, name_carriers, number_carriers, planted_name, planted_number
from tests.benchmarks.identities.declension import CASES, Case, family_name, given_name
from tests.benchmarks.identities.people import ORIGINS, Origin, Person, make_person
from tests.benchmarks.identities.planting import excerpts, plant
from tests.benchmarks.identities.transliteration import russian_latin, uzbek_cyrillic


@pytest.mark.parametrize(
    ("name", "female", "forms"),
    [
        ("Иван", False, "Иван Ивана Ивану Ивана Иваном Иване"),
        ("Павел", False, "Павел Павла Павлу Павла Павлом Павле"),
        ("Сергей", False, "Сергей Сергея Сергею Сергея Сергеем Сергее"),
        ("Юрий", False, "Юрий Юрия Юрию Юрия Юрием Юрии"),
        ("Игорь", False, "Игорь Игоря Игорю Игоря Игорем Игоре"),
        ("Никита", False, "Никита Никиты Никите Никиту Никитой Никите"),
        ("Ольга", True, "Ольга Ольги Ольге Ольгу Ольгой Ольге"),
        ("Мария", True, "Мария Марии Марии Марию Марией Марии"),
        ("Зоя", True, "Зоя Зои Зое Зою Зоей Зое"),
        ("Саша", False, "Саша Саши Саше Сашу Сашей Саше"),
        ("Любовь", True, "Любовь Любови Любови Любовь Любовью Любови"),
        ("Нинель", True, "Нинель Нинель Нинель Нинель Нинель Нинель"),
        ("Ильич", False, "Ильич Ильича Ильичу Ильича Ильичем Ильиче"),
    ],
)
def test_given_names_decline(name: str, female: bool, forms: str) -> None:
    assert [given_name(name, case, female=female) for case in CASES] == forms.split()


@pytest.mark.parametrize(
    ("name", "female", "forms"),
    [
        ("Орлов", False, "Орлов Орлова Орлову Орлова Орловым Орлове"),
        ("Орлова", True, "Орлова Орловой Орловой Орлову Орловой Орловой"),
        ("Ильин", False, "Ильин Ильина Ильину Ильина Ильиным Ильине"),
        ("Гончар", True, "Гончар Гончар Гончар Гончар Гончар Гончар"),
    ],
)
def test_family_names_decline(name: str, female: bool, forms: str) -> None:
    assert [family_name(name, case, female=female) for case in CASES] == forms.split()


@pytest.mark.parametrize(
    ("form", "case", "written"),
    [
        ("full", "ins", "Анной Орловой"),
        ("fio", "dat", "Орловой Анне Сергеевне"),
        ("io", "nom", "Анна Сергеевна"),
        ("ini", "nom", "Орлова А. С."),
        ("dim", "acc", "Аню"),
    ],
)
def test_a_person_is_written_in_the_form_that_is_asked_for(form: str, case: Case, written: str) -> None:
    assert Person("Анна", "Орлова", True, "Сергеевна", "Аня").written(form, case) == written


@pytest.mark.parametrize(
    ("latin", "cyrillic"),
    [
        ("Oʻgʻiloy".replace("ʻ", "'"), "Ўғилой"),
        ("Sherzod", "Шерзод"),
        ("Yo'ldosh", "Йўлдош"),
        ("Yoqub", "Ёқуб"),
        ("Eldor", "Элдор"),
        ("Xayrulla", "Хайрулла"),
        ("erim {first.m}ning ishi", "эрим {first.m}нинг иши"),
        ("yengil", "енгил"),
    ],
)
def test_uzbek_is_transliterated(latin: str, cyrillic: str) -> None:
    assert uzbek_cyrillic(latin) == cyrillic


@pytest.mark.parametrize(("name", "latin"), [("Юрий", "Yury"), ("Щербаков", "Shcherbakov"), ("Ксения", "Kseniya")])
def test_russian_names_are_transliterated(name: str, latin: str) -> None:
    assert russian_latin(name) == latin


def test_check_digits_are_those_of_known_numbers() -> None:
    assert check_digits.snils("112233445") == "11223344595"  # the example of the pension fund
    assert check_digits.nhs("943476591") == "9434765919"  # the example of the NHS data dictionary
    assert check_digits.inn("770708389") == "7707083893"  # a bank's published number
    assert check_digits.pinfl("1000000000000") == "10000000000007"  # 1 x 7


@pytest.mark.parametrize("seed", range(30))
def test_numbers_pass_the_checks_of_an_independent_library(seed: int) -> None:
    generator = random.Random(seed)
    assert luhn.is_valid("".join(filter(str.isdigit, numbers.card(generator, "en"))))
    assert iban.is_valid(numbers.iban(generator, "en"), check_country=False)
    assert inn.is_valid(numbers.inn(generator, "ru"))
    for language, region in (("en", "GB"), ("ru", "RU"), ("uz", "UZ")):
        written, description = phones.written(generator, language)
        country = description.split()[0]
        number = phonenumbers.parse(f"+{written[2:]}" if written.startswith("00") else written, country)
        assert phonenumbers.is_valid_number(number), f"{description} with {region}"


def test_every_language_has_sixty_carriers_for_names_and_some_for_every_kind_of_number() -> None:
    for variety in VARIETIES:
        assert len(name_carriers(variety)) >= 60
        assert all(number_carriers(variety)[kind] for kind in numbers.makers(variety[:2]))
    assert len(phones.COUNTRIES) >= 12


@pytest.mark.parametrize("variety", VARIETIES)
def test_the_identity_stands_where_it_is_said_to_stand(variety: Variety) -> None:
    generator = random.Random(1)
    for index in range(150):
        for planted in (planted_name(variety, index, generator), planted_number(variety, index, generator)):
            assert planted.surface
            assert planted.sentence[planted.start : planted.start + len(planted.surface)] == planted.surface
            assert "{" not in planted.sentence


@pytest.mark.parametrize("origin", ORIGINS)
def test_each_origin_has_names_enough_in_latin_letters(origin: Origin) -> None:
    generator = random.Random(2)
    people = {make_person(origin, generator, female=bool(number % 2)).written("full") for number in range(1500)}
    assert len(people) >= 400
    assert all(not ("\u0400" <= letter <= "\u04ff") for name in people for letter in name)


def cut_number(content: str) -> str:
    """Return the number that a made-up turn tells of itself."""
    return content.split("First sentence ")[1].split(".")[0]


def test_planting_keeps_the_real_turns_and_names_share_no_word() -> None:
    real = [[Message(role=("user", "assistant")[n % 2], content=f"First sentence {n}. Second one?\nThird") for n in range(24)]]
    generator = random.Random(3)
    cut = excerpts(real, generator)
    assert [len(messages) for messages in cut] == [12, 12]
    conversations = plant("en", 40, cycle(cut), planted_name, generator)
    assert sum(len(conversation.placed) for conversation in conversations) == 40
    for conversation in conversations:
        words: set[str] = set()
        for placed in conversation.placed:
            content = conversation.row.messages[placed.message].content
            assert content[placed.start : placed.end] == placed.planted.surface
            assert placed.planted.sentence in content
            rest = content.replace(placed.planted.sentence, "").split()
            assert " ".join(rest) == f"First sentence {cut_number(content)}. Second one? Third"
            here = {word.casefold() for word in placed.planted.surface.replace(".", " ").split() if len(word) > 1}
            assert not here & words
            words |= here


def test_the_same_seed_plants_the_same() -> None:
    def made() -> list[str]:
        generator = random.Random(9)
        sentences = []
        for variety in VARIETIES:
            for index in range(30):
                sentences += [planted_name(variety, index, generator).sentence, planted_number(variety, index, generator).sentence]
        return sentences

    assert made() == made()
