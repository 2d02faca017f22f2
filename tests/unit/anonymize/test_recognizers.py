"""What the rules find and what they leave alone, one kind after the other. Every sentence and number here is invented."""

import pytest

from components.anonymize.rules import RuleDetector

_DETECTOR = RuleDetector()
_POLICY_OPTIONAL = frozenset({"PROFESSION", "DEMOGRAPHIC", "QUANTITY"})


def found(text: str) -> set[tuple[str, str]]:
    return {(text[span.start : span.end], span.type) for span in _DETECTOR.find([text])[0]}


@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [
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
        ("the file 4634/38-587 was closed", "4634/38-587", "ID"),
        ("passport AB1234567 was lost", "AB1234567", "ID"),
        ("ssn 123-45-6789", "123-45-6789", "ID"),
        ("card 4111 1111 1111 1111 was charged", "4111 1111 1111 1111", "ID"),
        ("pay to GB82 WEST 1234 5698 7654 32 today", "GB82 WEST 1234 5698 7654 32", "ID"),
        ("the log says ::ffff:10.0.0.7 and", "::ffff:10.0.0.7", "ID"),
        ("I live at 14 Maple Street, Apt 4B, Springfield, IL 62704 now", "14 Maple Street, Apt 4B, Springfield, IL 62704", "ADDRESS"),
        ("wir wohnen Lindenstraße 12, 10969 Berlin", "Lindenstraße 12, 10969 Berlin", "ADDRESS"),
        ("It happened on March 3rd, 2019 at home", "March 3rd, 2019", "DATE"),
        ("my dob: 03/07/1991", "03/07/1991", "DATE"),
        ("since 12 марта 2015", "12 марта 2015", "DATE"),
        ("I work at Northgate Foods and hate it", "Northgate Foods", "ORGANIZATION"),
        ("she studies at the University of Leiden", "University of Leiden", "ORGANIZATION"),
        ("he was tried by the Vrbovec Court", "Vrbovec Court", "ORGANIZATION"),
        ("I grew up in Samarkand.", "Samarkand", "LOCATION"),
        ("we moved to Vrbovec last year", "Vrbovec", "LOCATION"),
        ("my grandmother is 94 years old", "94", "AGE"),
        ("i'm 23, and tired", "23", "AGE"),
        ("I work as a registered nurse on nights", "registered nurse", "PROFESSION"),
        ("I'm a Kurdish woman", "Kurdish", "DEMOGRAPHIC"),
        ("he is a single father of two", "single father of two", "DEMOGRAPHIC"),
        ("they paid me EUR 4,500 then", "EUR 4,500", "QUANTITY"),
    ],
)
def test_finds(text: str, value: str, kind: str) -> None:
    assert (value, kind) in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "I take 20mg of Prozac since 2019 and I am from America.",
        "On Monday we talked on Zoom about Covid and the 2nd wave.",
        "10-15 people came at 5:30 pm, last Tuesday as well.",
        "My boss said [PERSON_1] is late; see [DATE_2].",
        "I counted one, two, three, four, five, six, seven and breathed.",
        "the Supreme Court and the Ministry of Health said so",
        "I saw a doctor and my therapist says it is normal",
        "it was fine until the end.it was late, at home. me too",
        "on a scale of 1 to 10 it was 7/10",
    ],
)
def test_leaves_ordinary_talk_alone(text: str) -> None:
    assert {(value, kind) for value, kind in found(text) if kind not in _POLICY_OPTIONAL} == set()


def test_weak_findings_show_below_the_threshold_only() -> None:
    text = "It all began in 1997 or so."
    assert found(text) == set()
    assert [(span.type, text[span.start : span.end]) for span in RuleDetector(threshold=0.3).find([text])[0]] == [("DATE", "1997")]


def test_spans_point_into_the_text_as_given() -> None:
    text = "«Ｍａｒｉａ» und Ma\u200bria Sa\u0301nchez: m\u200baria@example.org"
    assert ("Ma\u200bria Sa\u0301nchez", "PERSON") in found(text)
    assert ("m\u200baria@example.org", "EMAIL") in found(text)
