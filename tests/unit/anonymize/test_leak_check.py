"""Both looks of the leak check, and the values of other people. Everybody here is invented."""

from collections.abc import Sequence

import pytest

from components.anonymize.anonymizer import Anonymizer, CorpusOriginals, Outcome
from components.anonymize.detector import Detector, UnionDetector
from components.anonymize.entities import Value, forms
from components.anonymize.finding import PersonFindings, find_person
from components.anonymize.leak_check import LEAK, LEAK_OF_ANOTHER, SUSPECT, PersonOriginals, SecondLook, check
from components.anonymize.policy import Policy
from components.anonymize.rules import RuleDetector
from components.anonymize.spans import Span
from components.shared.records import Conversation

KEY = b"k" * 32


def talk(*contents: str, person: str = "p1") -> Conversation:
    roles = ["user", "assistant"] * len(contents)
    messages = [{"role": role, "content": content} for role, content in zip(roles, contents, strict=False)]
    return Conversation.model_validate({"id": "c1", "person_id": person, "messages": messages})


class Words:
    """An engine that finds given words, with a score for each."""

    name = "words"

    def __init__(self, scores: dict[str, float], threshold: float) -> None:
        self._scores, self._threshold = scores, threshold

    def find(self, turns: Sequence[str]) -> list[list[Span]]:
        return [
            [
                Span(turn.index(word), turn.index(word) + len(word), "PERSON", self.name, score)
                for word, score in self._scores.items()
                if word in turn and score >= self._threshold
            ]
            for turn in turns
        ]


def run(row: Conversation, detector: Detector, corpus: CorpusOriginals | None = None, second_look: SecondLook | None = None) -> Outcome:
    policy = Policy.load("placeholders")
    findings = PersonFindings.of([row], find_person([row], detector, policy))
    corpus = corpus or CorpusOriginals.empty(KEY)
    corpus.add(findings)
    (outcome,), _, _ = Anonymizer(policy, KEY, corpus, second_look).person([row], findings)
    return outcome


@pytest.mark.parametrize("form", ["Ольгой", "ольге", "ОЛЬГУ"])
def test_the_first_look_knows_russian_inflections(form: str) -> None:
    known = PersonOriginals(KEY, forms([Value("PERSON", "Ольга", "ru")]))
    assert check(talk(f"я говорила с {form} вчера", "Понимаю."), known) == LEAK
    assert check(talk("я говорила с ней вчера", "Понимаю."), known) is None


@pytest.mark.parametrize("form", ["Sherzodga", "sherzodning", "SHERZODDAN"])
def test_the_first_look_knows_uzbek_suffixes(form: str) -> None:
    known = PersonOriginals(KEY, forms([Value("PERSON", "Sherzod", "uz")]))
    assert check(talk(f"men {form} aytdim", "Tushunaman."), known) == LEAK


def test_a_full_name_of_another_person_is_a_leak_and_a_given_name_alone_is_not() -> None:
    corpus = CorpusOriginals.empty(KEY)
    other = [talk("My wife Marisol Quispe left.", "Hm.", person="p2")]
    corpus.add(PersonFindings.of(other, find_person(other, RuleDetector(), Policy.load("placeholders"))))
    nothing = Words({}, 0.5)
    assert run(talk("i read of marisol quispe", "Hm."), nothing, corpus).reason == LEAK_OF_ANOTHER
    assert run(talk("i read of marisol", "Hm."), nothing, corpus).reason is None


def test_the_second_look_quarantines_what_the_engine_half_believes() -> None:
    scores = {"Zarvane": 0.9, "olbek": 0.4}
    first, second = Words(scores, 0.5), SecondLook(Words(scores, 0.3))
    assert run(talk("I met Zarvane there", "Hm."), first, second_look=second).reason is None
    assert run(talk("I met Zarvane and olbek", "Hm."), first, second_look=second).reason == SUSPECT
    assert run(talk("I met Zarvane and olbek", "Hm."), first, second_look=SecondLook(Words(scores, 0.45))).reason is None


def test_the_second_look_leaves_replacements_alone() -> None:
    """The engine sees a person in the placeholder itself; that is what was put there."""
    second = SecondLook(Words({"[PERSON_1]": 1.0, "PERSON": 1.0}, 0.3))
    assert run(talk("Zarvane came", "Hm."), Words({"Zarvane": 0.9}, 0.5), second_look=second).reason is None


def test_one_word_labels_of_the_metadata_are_not_doubted() -> None:
    row = talk("I met Zarvane there", "Hm.").model_copy(update={"meta": {"fault": "overlook", "note": "to overlook"}})
    doubt = Words({"overlook": 0.4}, 0.3)
    first = Words({"Zarvane": 0.9}, 0.5)
    assert run(row, first, second_look=SecondLook(doubt)).reason == SUSPECT
    label_only = row.model_copy(update={"meta": {"fault": "overlook"}})
    assert run(label_only, first, second_look=SecondLook(doubt)).reason is None


class Sentences:
    """An engine that takes a whole turn for something that the policy keeps."""

    name = "sentences"

    def find(self, turns: Sequence[str]) -> list[list[Span]]:
        return [[Span(0, len(turn), "QUANTITY", self.name, 0.9)] for turn in turns]


def test_a_name_inside_a_longer_span_of_a_kept_type_does_not_stay_with_it() -> None:
    outcome = run(talk("I met Zarvane there", "Hm."), UnionDetector([Sentences(), Words({"Zarvane": 0.6}, 0.5)]))
    assert isinstance(outcome.row, Conversation)
    assert outcome.row.messages[0].content == "I met [PERSON_1] there"
