"""The engine for Russian: what it adds to the rules, what it leaves alone, and that it is missed loudly. Every sentence is invented."""

import subprocess
import sys
from pathlib import Path

import pytest

from components.anonymize.morphology import MorphologyDetector

_TURNS = Path(__file__).parent / "turns"


@pytest.fixture(scope="module")
def detector() -> MorphologyDetector:
    return MorphologyDetector()


@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [
        ("Вчера Ольга Петрова опять плакала.", "Ольга Петрова", "PERSON"),
        ("вчера ольга петрова опять плакала", "ольга петрова", "PERSON"),
        ("Мы переехали в Воронеж к родителям.", "Воронеж", "LOCATION"),
        ("Я работаю в Сбербанке уже год.", "Сбербанке", "ORGANIZATION"),
    ],
)
def test_finds(detector: MorphologyDetector, text: str, value: str, kind: str) -> None:
    assert (value, kind, "morphology") in {(text[span.start : span.end], span.type, span.engine) for span in detector.find([text])[0]}


def test_ordinary_turns_are_left_alone(detector: MorphologyDetector) -> None:
    turns = [line for line in (_TURNS / "ru_neutral.txt").read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert sum(bool(spans) for spans in detector.find(turns)) <= 0.05 * len(turns)


def test_other_languages_are_passed_over(detector: MorphologyDetector) -> None:
    assert detector.find(["My name is Olga Petrova.", "Менинг исмим Дилноза, ёрдам керак", "", " "]) == [
        [],
        [],
        [],
        [],
    ]


def test_a_turn_is_answered_alike_alone_and_in_company(detector: MorphologyDetector) -> None:
    turns = [
        "Меня зовут Сергей.",
        "Вчера Ольга Петрова уехала в Казань, и я остался один с детьми.",
        "Да.",
        "Спросите Марину.",
    ]
    assert detector.find(turns) == [detector.find([turn])[0] for turn in turns]


def test_spans_point_into_the_turn_as_given(detector: MorphologyDetector) -> None:
    turn = "«Вчера О\u200bльга Петрова» плакала"
    assert "О\u200bльга Петрова" in {turn[span.start : span.end] for span in detector.find([turn])[0]}


_MISSING = """
import sys
sys.modules[{missing!r}] = None
import importlib.util
find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == {missing!r} else find_spec(name, *rest)
from components.anonymize.morphology import MorphologyDetector
from components.shared.errors import ContractError
try:
    MorphologyDetector()
except ContractError as error:
    assert "attune[anonymize]" in str(error), error
else:
    raise SystemExit("the engine came up without " + {missing!r})
"""


@pytest.mark.parametrize("missing", ["natasha", "slovnet", "pymorphy3"])
def test_a_missing_package_fails_loudly(missing: str) -> None:
    done = subprocess.run([sys.executable, "-c", _MISSING.format(missing=missing)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


_WITHOUT_NETWORK = """
import socket
def refuse(*arguments, **keywords):
    raise SystemExit("a socket was asked for")
for name in ("getaddrinfo", "gethostbyname", "create_connection"):
    setattr(socket, name, refuse)
socket.socket.connect = refuse
import sys
from components.anonymize.morphology import MorphologyDetector
assert not {"pymorphy3", "slovnet", "navec"} & set(sys.modules), "import alone loads nothing"
assert MorphologyDetector().find(["Вчера приехала Ольга Петрова."])[0]
assert "torch" not in sys.modules
"""


def test_no_network() -> None:
    done = subprocess.run([sys.executable, "-c", _WITHOUT_NETWORK], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-500:]
