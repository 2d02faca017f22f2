"""Forms of names: every expectation is written by hand, by a reader of the language."""

import pytest

from components.anonymize.inflection import forms_of, inflect_like, lemma
from components.anonymize.ru_declension import paradigm
from components.anonymize.uz_suffixes import russian_spellings, skeleton, to_cyrillic, to_latin
from components.shared.languages import Language


@pytest.mark.parametrize(
    ("nominative", "woman", "forms"),
    [
        ("ирина", True, "ирина ирины ирине ирину ириной ирине"),
        ("ольга", True, "ольга ольги ольге ольгу ольгой ольге"),
        ("маша", True, "маша маши маше машу машей маше"),
        ("мария", True, "мария марии марии марию марией марии"),
        ("любовь", True, "любовь любови любови любовь любовью любови"),
        ("павел", False, "павел павла павлу павла павлом павле"),
        ("лев", False, "лев льва льву льва львом льве"),
        ("игорь", False, "игорь игоря игорю игоря игорем игоре"),
        ("андрей", False, "андрей андрея андрею андрея андреем андрее"),
        ("дмитрий", False, "дмитрий дмитрия дмитрию дмитрия дмитрием дмитрии"),
        ("кузнецов", False, "кузнецов кузнецова кузнецову кузнецова кузнецовым кузнецове"),
        ("иванова", True, "иванова ивановой ивановой иванову ивановой ивановой"),
        ("покровский", False, "покровский покровского покровскому покровского покровским покровском"),
        ("петрович", False, "петрович петровича петровичу петровича петровичем петровиче"),
        ("петровна", True, "петровна петровны петровне петровну петровной петровне"),
        ("бондаренко", None, "бондаренко бондаренко бондаренко бондаренко бондаренко бондаренко"),
    ],
)
def test_declension(nominative: str, woman: bool | None, forms: str) -> None:
    table = paradigm(nominative, woman)
    assert [table["sg", case][0] for case in ("nom", "gen", "dat", "acc", "ins", "loc")] == forms.split()


@pytest.mark.parametrize(
    ("word", "language", "base"),
    [
        ("Ирине", "ru", "ирина"),
        ("дилнозе", "ru", "дилноза"),
        ("Серёже", "ru", "сережа"),
        ("Львом", "ru", "лев"),
        ("кузнецову", "ru", "кузнецов"),
        ("Ивановой", "ru", "иванова"),
        ("шерзодом", "ru", "шерзод"),
        ("петровичем", "ru", "петрович"),
        ("Sherzodga", "uz", "sherzod"),
        ("dilnozaning", "uz", "dilnoza"),
        ("Karimovadan", "uz", "karimova"),
        ("Шерзодга", "uz", "шерзод"),
        ("John's", "en", "john"),
    ],
)
def test_lemma(word: str, language: Language, base: str) -> None:
    assert lemma(word, language) == base


def test_an_inflected_surface_gives_all_forms_of_its_name() -> None:
    assert {"ирина", "ирины", "ирине", "ирину", "ириной"} <= forms_of("Ирине", "ru")
    assert {"иванов", "ивановой", "иванову", "ивановым", "ивановых"} <= forms_of("Иванова", "ru")
    assert {"анна петрова", "анны петровой", "анной петровой"} <= forms_of("Анна Петрова", "ru")
    assert {"sherzodga", "sherzodning", "sherzodjon", "шерзодга", "шерзодни"} <= forms_of("Sherzod", "uz")
    assert {"дилнозага", "дилнозе", "dilnozadan"} <= forms_of("Дилноза", "uz")
    assert forms_of("Mary", "en") == {"mary", "mary's"}
    assert forms_of(" ", "ru") == frozenset()


def test_forms_do_not_reach_other_names() -> None:
    assert not {"марина", "марии", "марине"} & forms_of("Мария Ким", "ru")
    assert "sherzoda" not in forms_of("Sherzod", "uz")


@pytest.mark.parametrize(
    ("replacement", "surface", "base", "written"),
    [
        ("Алина", "Ирине", "ирина", "Алине"),
        ("Зухра", "ДИЛНОЗЕ", "дилноза", "ЗУХРЕ"),
        ("Ольга", "марией", "мария", "ольгой"),
        ("Пётр Сидоров", "Ивану Кузнецову", "иван кузнецов", "Петру Сидорову"),
        ("Смирнова", "Ивановой", "иванова", "Смирновой"),
        ("Jasur", "Sherzodga", "sherzod", "Jasurga"),
        ("Malik", "Sherzodga", "sherzod", "Malikka"),
        ("Lola", "Sherzodim", "sherzod", "Lolam"),
        ("Жасур", "Шерзодга", "шерзод", "Жасурга"),
        ("Olimova", "Karimovaning", "karimova", "Olimovaning"),
        ("Mary", "John's", "john", "Mary's"),
        ("Алина", "Ирина", "ирина", "Алина"),
    ],
)
def test_a_replacement_stands_as_the_original_stood(replacement: str, surface: str, base: str, written: str) -> None:
    assert inflect_like(replacement, surface, base) == written


def test_uzbek_alphabets() -> None:
    assert to_cyrillic("o'ktam") == "ўктам"
    assert to_cyrillic("g'ulom") == "ғулом"
    assert to_cyrillic("yo'ldosh") == "йўлдош"
    assert to_latin("шерзод") == "sherzod"
    assert to_latin("ғулом") == "g'ulom"
    assert skeleton("g'ulom") == skeleton("gulom") == skeleton("ғулом")
    assert {"шерзод"} <= russian_spellings("sherzod")
    assert {"гульнора", "гульнара"} & russian_spellings("gulnora")
    assert {"жасур", "джасур"} <= russian_spellings("jasur")
