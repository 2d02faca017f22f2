"""Help lines and emergency numbers stay: a support model must learn them as they are. Everybody here is invented."""

import pytest

from components.anonymize.finding import find_person
from components.anonymize.policy import Policy
from components.anonymize.public_lines import is_public_line
from components.anonymize.rules import RuleDetector
from components.shared.records import Conversation


@pytest.mark.parametrize(
    ("kind", "surface"),
    [("PHONE", "988"), ("PHONE", "116 123"), ("ID", "116-123"), ("PHONE", "988 or 116 123"), ("PHONE", "8 (800) 2000-122"), ("URL", "https://www.samaritans.org/"),
     ("PHONE", "911, 112")],
)  # fmt: skip
def test_public_numbers_and_pages_are_known_however_they_are_written(kind: str, surface: str) -> None:
    assert is_public_line(kind, surface)


@pytest.mark.parametrize(
    ("kind", "surface"),
    [
        ("PHONE", "988 1234"),
        ("PHONE", "116 123 4"),
        ("PHONE", "988 or 555 0147"),
        ("PERSON", "988"),
        ("ID", "A988"),
        ("URL", "samaritans.org/jo.march"),
        ("PHONE", " "),
    ],
)
def test_anything_more_is_not(kind: str, surface: str) -> None:
    assert not is_public_line(kind, surface)


def test_a_help_line_stays_where_a_number_goes() -> None:
    messages = [
        {"role": "user", "content": "Call me at +1 212 555 0147, I cannot go on."},
        {"role": "assistant", "content": "You can call 988 or 116 123 at any time, or +998 71 123 45 67."},
    ]
    row = Conversation.model_validate({"id": "c", "person_id": "p", "messages": messages})
    spans = find_person([row], RuleDetector(), Policy.load("surrogates"))[0]
    found = [row.messages[number].content[span.start : span.end] for number in (0, 1) for span in spans[number]]
    assert found == ["+1 212 555 0147", "+998 71 123 45 67"]
