"""One person's rows: consistent placeholders, propagation, policy, leak check. Everybody here is invented."""

from typing import Any

import pytest

from components.anonymize import leak_check
from components.anonymize.anonymizer import Anonymizer, CorpusOriginals, Counts, Outcome
from components.anonymize.detector import Detector
from components.anonymize.entities import Value, forms
from components.anonymize.finding import PersonFindings, find_person
from components.anonymize.leak_check import PersonOriginals, SecondLook
from components.anonymize.operators import is_kept_age
from components.anonymize.policy import Placeholder, Policy
from components.anonymize.recall import wilson
from components.anonymize.records_text import AnyRow
from components.anonymize.rules import RuleDetector
from components.shared.errors import ContractError
from components.shared.records import Conversation, PreferencePair


@pytest.fixture(scope="module")
def detector() -> Detector:
    return RuleDetector()


def talk(*contents: str, row_id: str = "c1", **fields: Any) -> Conversation:
    roles = ["user", "assistant"] * len(contents)
    return Conversation.model_validate(
        {"id": row_id, "person_id": "p1", "messages": [{"role": r, "content": c} for r, c in zip(roles, contents, strict=False)], **fields}
    )


KEY = b"k" * 32


def anonymize(
    rows: list[AnyRow], detector: Detector, policy: str = "placeholders", second_look: SecondLook | None = None, **changes: Any
) -> tuple[list[Outcome], Counts]:
    """Take the rows of one person through both passes."""
    chosen = Policy.load(policy).model_copy(update=changes)
    findings = PersonFindings.of(rows, find_person(rows, detector, chosen))
    corpus = CorpusOriginals.empty(KEY)
    corpus.add(findings)
    outcomes, counts, _ = Anonymizer(chosen, KEY, corpus, second_look).person(rows, findings)
    return outcomes, counts


def originals(*values: tuple[str, str]) -> PersonOriginals:
    return PersonOriginals(KEY, forms(Value(kind, surface) for kind, surface in values))


def contents(outcome: Outcome) -> list[str]:
    assert isinstance(outcome.row, Conversation)
    return [message.content for message in outcome.row.messages]


def test_same_value_same_placeholder_across_conversations_and_pairs(detector: Detector) -> None:
    pair = PreferencePair.model_validate(
        {
            "id": "q1",
            "person_id": "p1",
            "prompt": [{"role": "user", "content": "marisol is back from Tashkent"}],
            "chosen": [{"role": "assistant", "content": "How is Marisol Quispe?"}],
            "rejected": [{"role": "assistant", "content": "Forget Dilshod."}],
        }
    )
    rows = [
        talk("My sister Marisol Quispe moved to Tashkent.", "What does MARISOL say?"),
        talk("Marisol's friend Dilshod called.", "Hm.", row_id="c2"),
        pair,
    ]
    outcomes, counts = anonymize(rows, detector)
    assert contents(outcomes[0]) == ["My sister [PERSON_1] moved to [LOCATION_1].", "What does [PERSON_1] say?"]
    assert contents(outcomes[1]) == ["[PERSON_1]'s friend [PERSON_2] called.", "Hm."]
    written = outcomes[2].row
    assert isinstance(written, PreferencePair)
    assert written.prompt[0].content == "[PERSON_1] is back from [LOCATION_1]"
    assert written.chosen[0].content == "How is [PERSON_1]?"
    assert written.rejected[0].content == "Forget [PERSON_2]."
    assert counts.entities == {"PERSON": 7, "LOCATION": 2}
    assert not counts.reasons


def test_a_name_that_a_cue_gave_away_is_found_everywhere(detector: Detector) -> None:
    outcomes, _ = anonymize(
        [talk("hi", "Hello.", "zyxanne again. my name is zyxanne vorq", "Zyxanne, I hear you. ZYXANNE!", "vorq is my family")], detector
    )
    assert contents(outcomes[0])[2:] == [
        "[PERSON_1] again. my name is [PERSON_1]",
        "[PERSON_1], I hear you. [PERSON_1]!",
        "[PERSON_1] is my family",
    ]


def test_family_name_of_two_people_is_nobody_in_particular(detector: Detector) -> None:
    outcomes, _ = anonymize([talk("Marisol Quispe and Rodrigo Quispe fight. Quispe is a heavy name.", "I see.")], detector)
    assert contents(outcomes[0])[0] == "[PERSON_1] and [PERSON_2] fight. [PERSON_3] is a heavy name."


def test_words_that_are_names_elsewhere_stay(detector: Detector) -> None:
    outcomes, _ = anonymize([talk("My friend Hope called. I hope she will come. Will Hope's pain end?", "One can hope.")], detector)
    assert contents(outcomes[0]) == ["My friend [PERSON_1] called. I hope she will come. Will [PERSON_1]'s pain end?", "One can hope."]
    assert outcomes[0].reason is None


def test_metadata_is_anonymized_and_gold_is_dropped(detector: Detector) -> None:
    meta = {
        "note": "Marisol Quispe, +998 90 123 45 67",
        "score": 3,
        "tags": ["grief"],
        "entities": [{"message": 0, "start": 3, "end": 10, "type": "PERSON"}],
    }
    outcomes, counts = anonymize([talk("Hi Marisol!", "Hm.", meta=meta)], detector)
    assert outcomes[0].row is not None
    assert outcomes[0].row.meta == {"note": "[PERSON_1], [PHONE_1]", "score": 3, "tags": ["grief"]}
    assert counts.tally.direct() == (1, 1)


def test_ages_follow_the_policy(detector: Detector) -> None:
    row = talk("I am 34 years old, my aunt is ninety-one years old", "And you?")
    assert contents(anonymize([row], detector)[0][0])[0] == "I am 34 years old, my aunt is [AGE_1] years old"
    assert contents(anonymize([row], detector, minimum_age=0)[0][0])[0] == "I am [AGE_1] years old, my aunt is [AGE_2] years old"
    assert [is_kept_age(text, 90) for text in ("89", "90", "eighty-nine", "ninety", "a hundred")] == [True, False, True, False, False]


def test_types_and_exemptions_follow_the_policy(detector: Detector) -> None:
    row = talk("Marisol wrote from Tashkent to Samandar.", "Hm.")
    assert (
        contents(anonymize([row], detector, operators={"PERSON": Placeholder(op="placeholder")})[0][0])[0]
        == "[PERSON_1] wrote from Tashkent to [PERSON_2]."
    )
    assert contents(anonymize([row], detector, allow=("samandar",))[0][0])[0] == "[PERSON_1] wrote from [LOCATION_1] to Samandar."


def test_placeholders_of_an_earlier_pass_stay_and_are_not_taken_twice(detector: Detector) -> None:
    outcomes, _ = anonymize([talk("[PERSON_4] met Marisol in [LOCATION_1].", "Hm.")], detector)
    assert contents(outcomes[0])[0] == "[PERSON_4] met [PERSON_5] in [LOCATION_1]."
    assert contents(anonymize([row for o in outcomes if (row := o.row)], detector)[0][0]) == contents(outcomes[0])


def test_a_planted_leak_is_caught_every_time(detector: Detector) -> None:
    """100 values planted in an output that is clean otherwise, in 4 disguises: 100 of 100 caught, and the clean output passes."""
    names = [
        f"{first}{second}"
        for first in ("Zar", "Mir", "Qel", "Dov", "Fyr", "Nux", "Hob", "Lix", "Tam", "Wen")
        for second in ("ina", "ovel", "ashk", "ero", "ust", "ibek", "ola", "yth", "ang", "ish")
    ]
    known = originals(*(("PERSON", name) for name in names))
    clean = talk("I saw [PERSON_1] yesterday.", "How was it?")
    assert leak_check.check(clean, known) is None
    disguises = (str, str.lower, str.upper, lambda name: name[:2] + "\u200b" + name[2:])
    caught = [leak_check.check(talk("I saw [PERSON_1] and " + disguises[i % 4](name) + "!", "Hm."), known) for i, name in enumerate(names)]
    assert caught == [leak_check.LEAK] * 100
    parts = originals(("PERSON", "Marisol Quispe"), ("PHONE", "+998 90 123 45 67"))
    assert leak_check.check(talk("quispe", "Hm."), parts) == leak_check.LEAK
    assert leak_check.check(talk("Hm.", "998 90 123 45 67", meta={"a": ["x", {"b": "Marisol"}]}), parts) == leak_check.LEAK
    assert leak_check.check(talk("quispes marisolita", "Hm."), parts) is None


def test_identifiers_that_tell_a_name_are_refused(detector: Detector) -> None:
    outcomes, counts = anonymize(
        [talk("Hi, my name is Marisol.", "Hm.", row_id="chat_marisol_7"), talk("Marisol again", "Hm.", row_id="c2")], detector
    )
    assert [outcome.reason for outcome in outcomes] == [leak_check.LEAK_IN_IDENTIFIER, None]
    assert counts.reasons == {leak_check.LEAK_IN_IDENTIFIER: 1}
    assert leak_check.check(talk("Hm.", "Hm.", row_id="jo@example.org"), originals()) == leak_check.LEAK_IN_IDENTIFIER


def test_gold_counts_only_when_covered_whole(detector: Detector) -> None:
    text = "Marisol wrote to Blorp at 34."
    gold = [(0, 7, "PERSON"), (8, 13, "PERSON"), (0, 13, "PERSON"), (26, 28, "AGE")]
    entities = [{"message": 0, "start": start, "end": end, "type": kind} for start, end, kind in gold]
    _, counts = anonymize([talk(text, "Hm.", meta={"entities": entities})], detector)
    tally = counts.tally
    assert (tally.found["PERSON"], tally.total["PERSON"]) == (1, 3)  # whole, not at all, in part
    assert tally.kept_by_policy == {"AGE": 1}
    assert tally.masked_outside_gold == len("Blorp")
    assert tally.characters == len(text) + len("Hm.")


@pytest.mark.parametrize(
    "entities",
    [
        "x",
        [{"message": 0}],
        [{"message": 9, "start": 0, "end": 1, "type": "PERSON"}],
        [{"message": 0, "start": 5, "end": 5, "type": "PERSON"}],
    ],
)
def test_broken_gold_is_named(detector: Detector, entities: Any) -> None:
    with pytest.raises(ContractError, match=r"row 'c1': meta\.entities"):
        anonymize([talk("Hello there", "Hm.", meta={"entities": entities})], detector)


def test_wilson_interval_against_published_values() -> None:
    """Newcombe 1998, table I: 81 of 263 gives 0.2553 to 0.3662; 0 of 20 gives 0 to 0.1611; 1 of 29 gives 0.0061 to 0.1718."""
    for (found, total), expected in {(81, 263): (0.2553, 0.3662), (0, 20): (0.0, 0.1611), (1, 29): (0.0061, 0.1718)}.items():
        assert wilson(found, total) == pytest.approx(expected, abs=6e-5)
