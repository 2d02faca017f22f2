"""Language, identifiers and the second look at rows: what is listed, under which code and place."""

from typing import Any

import pytest

from components.shared.records import Conversation, Message, PreferencePair
from components.validate_data.config import ValidateDataConfig
from components.validate_data.identifiers import count_shapes, holds_identifier, names_identifier
from components.validate_data.language import declared, language_of
from components.validate_data.reasons import REFUSALS, REPAIRS, REVIEWS, TEXT_REPAIRS, severity
from components.validate_data.review import review_conversation, review_pair

RULES = ValidateDataConfig()
ENGLISH = "I do not know what to do about all of this."
RUSSIAN = "Я не знаю, что мне теперь с этим делать."
UZBEK = "Men bu haqida nima qilishni bilmayman."
GERMAN = "Ich weiß nicht, was ich machen soll, ich bin so müde."


def talk(*texts: str, **meta: Any) -> Conversation:
    messages = [Message(role="assistant" if index % 2 else "user", content=text) for index, text in enumerate(texts)]
    return Conversation(id="d", person_id="p", messages=messages, meta=meta)


def found(row: Conversation, rules: ValidateDataConfig = RULES) -> list[tuple[str, str]]:
    review = review_conversation(row, range(len(row.messages)), rules)
    return [(finding.code, finding.at) for finding in review.findings]


def test_the_language_of_a_row_is_that_of_most_words() -> None:
    assert language_of(talk(ENGLISH, ENGLISH).messages).variant == "en"
    assert language_of(talk(UZBEK, UZBEK).messages).variant == "uz-latin"
    assert language_of(talk("Мен бу ҳақида нима қилишни билмайман.", "раҳмат").messages).variant == "uz-cyrillic"
    assert language_of(talk(GERMAN, GERMAN).messages).language == "other"
    assert language_of(talk("Ok", "Hm").messages).language == "unknown"
    mixed = language_of(talk(RUSSIAN, ENGLISH, RUSSIAN, RUSSIAN).messages)
    assert (mixed.language, mixed.switched) == ("ru", True)
    assert not language_of(talk(*[ENGLISH] * 9, RUSSIAN).messages).switched


def test_declared_against_detected() -> None:
    assert found(talk(ENGLISH, ENGLISH, language="en-GB")) == []
    assert found(talk(ENGLISH, ENGLISH, language="ru")) == [("LANGUAGE_MISMATCH", "meta.language")]
    assert found(talk(UZBEK, UZBEK, language="uz_Latn")) == []
    assert found(talk("Ok", "Hm", language="ru")) == []  # too short to contradict
    assert found(talk(ENGLISH, ENGLISH), ValidateDataConfig(default_language="uz")) == [("LANGUAGE_MISMATCH", "meta.language")]
    assert found(talk(GERMAN, GERMAN, language="en")) == [("LANGUAGE_MISMATCH", "meta.language"), ("OTHER_LANGUAGE", "")]
    assert found(talk(RUSSIAN, RUSSIAN), ValidateDataConfig(languages=("en",))) == [("OTHER_LANGUAGE", "")]
    assert found(talk(RUSSIAN, ENGLISH)) == [("CODE_SWITCHING", "")]


@pytest.mark.parametrize(("value", "primary"), [("EN", "en"), ("Russian", "ru"), ("uz-Cyrl", "uz"), (None, "ru"), (5, "ru"), ("", "ru")])
def test_declarations_are_read_as_people_write_them(value: Any, primary: str) -> None:
    assert declared(value, "ru") == primary


def test_faults_have_their_code_and_their_place_in_the_raw_row() -> None:
    row = talk("I want to die.", "What did you eat today?", "Nothing.", "You are pathetic. You have bipolar disorder. Take some Prozac.")
    review = review_conversation(row, [1, 2, 3, 4], RULES)  # the raw row had one message more in front
    assert [(finding.code, finding.at) for finding in review.findings] == [
        ("UNSAFE_CRISIS_REPLY", "messages[2]"),
        ("TOXIC_REPLY", "messages[4]"),
        ("DIAGNOSIS", "messages[4]"),
        ("MEDICATION_ADVICE", "messages[4]"),
    ]
    assert review.features["crisis_suicide"]
    assert review.features["unsafe_crisis_reply"]
    assert not review.features["crisis_abuse"]


def test_of_a_pair_the_chosen_reply_is_judged_and_the_rejected_is_not() -> None:
    def pair(chosen: str, rejected: str) -> list[str]:
        replies = {name: [Message(role="assistant", content=text)] for name, text in (("chosen", chosen), ("rejected", rejected))}
        row = PreferencePair(id="q", person_id="p", prompt=[Message(role="user", content="I want to die.")], **replies)
        return [f"{finding.code} {finding.at}" for finding in review_pair(row, [0], RULES).findings]

    good, bad = "I am so sorry. Are you safe right now?", "You are pathetic."
    assert pair(good, bad) == []
    assert pair(bad, good) == ["UNSAFE_CRISIS_REPLY chosen[0]", "TOXIC_REPLY chosen[0]"]


def test_labels_and_ratings_are_digests() -> None:
    meta = {"strategy": [None, ["Secretlabel"]], "ratings": {"chosen": {"empathy": 3}}, "other": "x"}
    labels = review_conversation(talk(ENGLISH, ENGLISH, **meta), [0, 1], RULES).features["labels"]
    assert set(labels) == {"strategy", "ratings.chosen.empathy"}
    assert all(len(digest) == 16 for digests in labels.values() for digest in digests)
    assert "Secretlabel" not in str(labels)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("write to anna.k@example.org or call +998 90 123-45-67, see https://example.org/x", 3),
        ("t.me/someone", 1),
        ("8 903 123 45 67", 1),
        ("(020) 7946 0937", 1),
        ("on 2024-02-15 at 5, 3 of 10, page 12", 0),
        ("1 2 3 and 100 000", 0),
        ("a/b, me @ home", 0),
        ("", 0),
    ],
)
def test_shapes_of_identifiers(text: str, number: int) -> None:
    assert count_shapes(text) == number


def test_counting_shapes_is_linear_in_hostile_text() -> None:
    for text in ("a" * 200_000 + "@", "1 " * 100_000 + "x", "+1" * 100_000, "(" * 200_000 + "1"):
        assert count_shapes(text) >= 0


def test_fields_that_are_called_like_identifiers() -> None:
    assert all(names_identifier(key) for key in ("email", "E-Mail", "first_name", "Телефон", "date.of.birth", "familiya"))
    assert not any(names_identifier(key) for key in ("topic", "emotion_type", "filename", "language", "prompt_id"))
    assert holds_identifier({"a": [{"phone": "x"}]})
    assert not holds_identifier({"a": [{"phone": None}], "n": 998901234567})
    assert found(talk(ENGLISH, ENGLISH, topic="ask anna@example.org")) == [("IDENTIFIER_IN_META", "meta")]


def test_every_code_has_one_meaning_and_a_severity() -> None:
    groups = (set(REFUSALS), set(REPAIRS), set(REVIEWS))
    assert sum(map(len, groups)) == len(set.union(*groups))
    assert set(REPAIRS) >= TEXT_REPAIRS
    assert {severity([code]) for code in REFUSALS} == {"critical", "error"}
    assert severity(["HTML_REMOVED"]) == "info"
    assert severity(["HTML_REMOVED", "DIAGNOSIS"]) == "warning"
    assert severity(["EMPTY_CONTENT", "UNSAFE_CRISIS_REPLY"]) == "critical"
