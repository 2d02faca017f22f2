"""Planted identities are found whole and by their type; ordinary turns are left alone. Every sentence is invented (turns/)."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from components.anonymize.document import Turns
from components.anonymize.recognizers.ru_uz import RUSSIAN_UZBEK
from components.anonymize.recognizers.ru_words import ordinary
from components.anonymize.rules import RuleDetector
from components.anonymize.spans import Span, covered

_FOLDER = Path(__file__).parent / "turns"
_MARK = re.compile(r"\[([A-Z]+)\|([^\]]*)\]")


def lines(name: str) -> list[str]:
    return [line for line in (_FOLDER / name).read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]


def unmark(line: str) -> tuple[str, list[tuple[int, int, str]]]:
    text, wanted, position = "", [], 0
    for match in _MARK.finditer(line):
        text += line[position : match.start()]
        wanted.append((len(text), len(text) + len(match[2]), match[1]))
        text += match[2]
        position = match.end()
    return text + line[position:], wanted


@pytest.fixture(scope="module")
def detector() -> RuleDetector:
    return RuleDetector(recognizers=RUSSIAN_UZBEK)


def find(detector: RuleDetector, text: str) -> list[Span]:
    return detector.find([text])[0]


@pytest.mark.parametrize("line", lines("planted.txt"))
def test_planted_values_are_found(detector: RuleDetector, line: str) -> None:
    text, wanted = unmark(line)
    spans = find(detector, text)
    for start, end, kind in wanted:
        assert covered(start, end, spans), f"{kind} is missed or cut"
        assert kind in {span.type for span in spans if span.start < end and start < span.end}
    assert all(any(span.start < end and start < span.end for start, end, _ in wanted) for span in spans), "something else is masked, too"


@pytest.mark.parametrize("name", ["ru_neutral.txt", "uz_neutral.txt"])
def test_ordinary_turns_are_left_alone(detector: RuleDetector, name: str) -> None:
    turns = lines(name)
    assert len(turns) >= 60
    masked = [turn for turn in turns if find(detector, turn)]
    assert len(masked) <= 0.05 * len(turns)
    characters = sum(span.end - span.start for turn in turns for span in find(detector, turn))
    assert characters <= 0.01 * sum(map(len, turns))


def test_small_letters_hide_no_listed_name(detector: RuleDetector) -> None:
    for text, value in [
        ("меня зовут дилноза, мне плохо", "дилноза"),
        ("муж сергей опять пьёт", "сергей"),
        ("вчера позвонила ольге", "ольге"),
        ("поругалась с надеждой петровной", "надеждой петровной"),
        ("erim sherzodga aytmadim", "sherzodga"),
        ("dilnozaxon bilan urishib qoldim", "dilnozaxon"),
        ("каримов шерзод келди", "каримов шерзод"),
    ]:
        start = text.index(value)
        assert covered(start, start + len(value), find(detector, text)), text


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("надежда умирает последней", "подруга надежда уехала"),
        ("читаю роман", "муж роман пьёт"),
        ("света белого не вижу", "сестра света уехала"),
        ("umid yo'qoldi, sabr tugadi", "akam umid bilan urishdik"),
        ("bu orzu edi", "dugonam orzu keldi"),
    ],
)
def test_a_name_that_is_a_word_needs_a_cue(detector: RuleDetector, word: str, name: str) -> None:
    assert find(detector, word) == []
    assert [span.type for span in find(detector, name)] == ["PERSON"]


def test_english_costs_nothing() -> None:
    document = Turns(["I feel so anxious, my husband left me and I can't sleep at all.", "What happened then? Take your time."]).document
    asked = [recognizer for recognizer in (kind() for kind in RUSSIAN_UZBEK) if recognizer.applies(document)]
    assert [finding for recognizer in asked for finding in recognizer.find(document)] == []
    assert not [type(recognizer).__name__ for recognizer in asked if "Name" in type(recognizer).__name__]


_WITHOUT_THE_DICTIONARY = """
import sys
sys.modules["pymorphy3"] = None
from components.anonymize.recognizers.ru_uz import RUSSIAN_UZBEK
from components.anonymize.recognizers.ru_words import ordinary
from components.anonymize.rules import RuleDetector
from components.shared.errors import ContractError
detector = RuleDetector(recognizers=RUSSIAN_UZBEK)
assert detector.find(["I feel sad, call 90 123-45-67"])[0], "English text must not need the dictionary"
assert not {name for name in sys.modules if name.startswith(("pymorphy3.", "natasha", "slovnet", "torch"))}
try:
    detector.find(["Мне грустно"])
except ContractError as error:
    assert "attune[anonymize]" in str(error)
else:
    raise SystemExit("Russian text was searched without a dictionary")
"""


def test_the_dictionary_is_loaded_late_and_missed_loudly() -> None:
    done = subprocess.run([sys.executable, "-c", _WITHOUT_THE_DICTIONARY], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize(
    ("word", "also_ordinary"), [("любой", True), ("вера", True), ("роману", True), ("ирине", False), ("кузнецова", False)]
)
def test_words_that_are_also_names(word: str, also_ordinary: bool) -> None:
    assert ordinary(word) is also_ordinary
