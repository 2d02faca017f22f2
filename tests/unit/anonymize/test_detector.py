"""What the rules find, and what they leave alone. Every sentence and every person here is invented."""

import subprocess
import sys

import pytest

from components.anonymize.detector import UnionDetector
from components.anonymize.rules import RuleDetector


@pytest.fixture(scope="module")
def detector() -> UnionDetector:
    return UnionDetector([RuleDetector()])


def found(detector: UnionDetector, text: str) -> set[tuple[str, str]]:
    return {(text[span.start : span.end], span.type) for span in detector.find([text])[0]}


@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [
        ("hi, my name is dilnavoz and i cannot sleep", "dilnavoz", "PERSON"),
        ("I'm Oluwaseun, nice to meet you.", "Oluwaseun", "PERSON"),
        ("Yesterday my husband Bobur Karimov left.", "Bobur Karimov", "PERSON"),
        ("I spoke with Quetzalina about it.", "Quetzalina", "PERSON"),
        ("then Grace Okonkwo-Bell said no", "Grace Okonkwo-Bell", "PERSON"),
        ("Dr. SMITH never answered", "Dr. SMITH", "PERSON"),
        ("i told nguyen hanh the truth", "nguyen hanh", "PERSON"),
        ("Меня зовут Ольга, мне плохо", "Ольга", "PERSON"),
        ("call me at +998 90 123 45 67 tonight", "+998 90 123 45 67", "PHONE"),
        ("my number is 8 (903) 555-12-34", "8 (903) 555-12-34", "PHONE"),
        ("Reach me: (212) 555-0147 ext. 12.", "(212) 555-0147 ext. 12", "PHONE"),
        ("it is five five five zero one four seven ok", "five five five zero one four seven", "PHONE"),
        ("write to a.b+c@mail.example.org please", "a.b+c@mail.example.org", "EMAIL"),
        ("write to rana.k at gmail dot com please", "rana.k at gmail dot com", "EMAIL"),
        ("see https://blog.example.com/me?x=1.", "https://blog.example.com/me?x=1", "URL"),
        ("i am on t.me/quiet_moth most days", "t.me/quiet_moth", "URL"),
        ("find me as @quiet.moth there", "@quiet.moth", "HANDLE"),
        ("my insta is moth_quiet now", "moth_quiet", "HANDLE"),
        ("ping LiamBergson43 about it", "LiamBergson43", "HANDLE"),
        ("My patient number is 4471-88, from the clinic.", "4471-88", "ID"),
        ("passport AB1234567 was lost", "AB1234567", "ID"),
        ("ssn 123-45-6789", "123-45-6789", "ID"),
        ("card 4111 1111 1111 1111 was charged", "4111 1111 1111 1111", "ID"),
        ("I live at 14 Maple Street, Apt 4B, Springfield, IL 62704 now", "14 Maple Street, Apt 4B, Springfield, IL 62704", "ADDRESS"),
        ("wir wohnen Lindenstraße 12, 10969 Berlin", "Lindenstraße 12, 10969 Berlin", "ADDRESS"),
        ("она живёт на ул. Садовая, д. 5, кв. 7", "ул. Садовая, д. 5, кв. 7", "ADDRESS"),
        ("It happened on March 3rd, 2019 at home", "March 3rd, 2019", "DATE"),
        ("my dob: 03/07/1991", "03/07/1991", "DATE"),
        ("since 12 марта 2015", "12 марта 2015", "DATE"),
        ("I work at Northgate Foods and hate it", "Northgate Foods", "ORGANIZATION"),
        ("she studies at the University of Leiden", "University of Leiden", "ORGANIZATION"),
        ("I grew up in Samarkand.", "Samarkand", "LOCATION"),
        ("we moved to Vrbovec last year", "Vrbovec", "LOCATION"),
        ("my grandmother is 94 years old", "94", "AGE"),
    ],
)
def test_finds(detector: UnionDetector, text: str, value: str, kind: str) -> None:
    assert (value, kind) in found(detector, text)


@pytest.mark.parametrize(
    "text",
    [
        "Hope is all I have, and will you mark my words? It may rain.",
        "I'm Feeling sad and Hopeless. I'm so tired. I am done.",
        "I take 20mg of Prozac since 2019 and I am a Christian from America.",
        "On Monday we talked on Zoom about Covid and the 2nd wave, 50% of us.",
        "It cost $1,250,000 or 1 000 000 sums, 10-15 people came at 5:30 pm.",
        "God, I feel like my mom and dad hate me. Thank you, Doctor.",
        "My boss said [PERSON_1] is late; see [DATE_2].",
    ],
)
def test_leaves_ordinary_talk_alone(detector: UnionDetector, text: str) -> None:
    assert found(detector, text) == set()


def test_spans_point_into_the_text_as_given(detector: UnionDetector) -> None:
    text = "«Ｍａｒｉａ» und Ma\u200bria Sa\u0301nchez: m\u200baria@example.org"
    assert ("Ma\u200bria Sa\u0301nchez", "PERSON") in found(detector, text)
    assert ("m\u200baria@example.org", "EMAIL") in found(detector, text)


def test_question_in_one_turn_names_the_answer_in_the_next(detector: UnionDetector) -> None:
    assert [span.type for span in detector.find(["What is your name?", "xylina"])[1]] == ["PERSON"]
    assert detector.find(["How do you feel?", "xylina"]) == [[], []]


_IN_A_FRESH_PROCESS = """
import socket, sys
def refuse(*arguments, **keywords):
    raise RuntimeError("network")
for name in ("getaddrinfo", "gethostbyname", "create_connection"):
    setattr(socket, name, refuse)
socket.socket.connect = refuse
from components.anonymize.detector import UnionDetector
from components.anonymize.rules import RuleDetector
text = "mail me at jo.march@clinic.example.co.uk, https://a.example.com, 10.0.0.7, 4111 1111 1111 1111"
assert {span.type for span in UnionDetector([RuleDetector()]).find([text])[0]} == {"EMAIL", "URL", "ID"}
assert not {"torch", "transformers", "presidio_analyzer"} & set(sys.modules), "a framework was imported"
"""


def test_no_network_and_no_framework() -> None:
    done = subprocess.run([sys.executable, "-c", _IN_A_FRESH_PROCESS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
