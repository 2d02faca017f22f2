"""Check digits of Russian and Uzbek papers, against values worked out by hand."""

import pytest

from components.anonymize.document import Document
from components.anonymize.recognizers.ru_documents import RussianDocumentRecognizer, snils_holds
from components.anonymize.recognizers.uz_documents import UzbekDocumentRecognizer, pinfl_dated, pinfl_holds


def ids(text: str) -> list[tuple[str, float]]:
    document = Document(text)
    return [
        (text[start:end], score)
        for kind in (RussianDocumentRecognizer, UzbekDocumentRecognizer)
        for start, end, score in kind().find(document)
    ]


def test_snils() -> None:
    # 1*9 + 1*8 + 2*7 + 2*6 + 3*5 + 3*4 + 4*3 + 4*2 + 5*1 = 95
    assert snils_holds("112-233-445 95")
    assert not snils_holds("112-233-445 96")
    assert not snils_holds("112-233-445")
    # 0 + 64 + 49 + 36 + 25 + 16 + 9 + 0 + 2 = 201 = 101 + 100, and 100 is written 00
    assert snils_holds("087-654-302 00")


def test_pinfl() -> None:
    # 21 + 3 + 2 + 0 + 9 + 8 + 35 + 0 + 0 + 7 + 0 + 0 + 14 = 99
    assert pinfl_holds("31203850010029")
    assert not pinfl_holds("31203850010028")
    assert pinfl_dated("31203850010029")
    assert not pinfl_dated("33102850010029"), "there is no 31 February"
    assert not pinfl_dated("71203850010029"), "sex and century are 1 to 6"


@pytest.mark.parametrize(
    ("text", "value", "score"),
    [
        ("31203850010029", "31203850010029", 1.0),
        ("jshshir 31203850010028", "31203850010028", 0.9),
        ("jshshir 99999999999999", "99999999999999", 0.9),
        ("112-233-445 95", "112-233-445 95", 1.0),
        ("снилс 112-233-445 96", "112-233-445 96", 0.9),
        ("инн 7707083893", "7707083893", 1.0),
        ("инн 7707083894", "7707083894", 0.9),
        ("огрн 1027700132195", "1027700132195", 1.0),
        ("машина А123ВС77", "А123ВС77", 0.7),
        ("машина A123BC77", "A123BC77", 0.7),
        ("01 A 123 BC", "01 A 123 BC", 0.8),
        ("01 777 AAA", "01 777 AAA", 0.8),
        ("AA 1234567", "AA 1234567", 0.85),
    ],
)
def test_a_number_counts_by_check_or_context(text: str, value: str, score: float) -> None:
    assert (value, score) in ids(text)


@pytest.mark.parametrize("text", ["проспала до 12 30", "за 1000000 сум", "2019-2020", "на 1234567 рублей", "500 mg", "рост 170"])
def test_ordinary_figures_stay(text: str) -> None:
    assert ids(text) == []
