"""The scorer learns what its ratings say, its validation does not leak, and its parts can be redone by hand."""

from pathlib import Path

import numpy
import pytest

from components.evaluate import diversity, inputs, lexical
from components.evaluate.empathy import EmpathyModel, cross_validate, is_distinctive, rated_levels, rating_groups
from components.evaluate.inputs import MECHANISMS, EmpathyRating
from components.evaluate.sentence_embedding import SentenceEncoder
from components.shared.errors import ContractError

WARM, COLD = "I am so sorry, that hurts.", "Just move on already."


def rating(index: int, seeker: str, response: str, level: int, person: str | None = None) -> EmpathyRating:
    return EmpathyRating(
        id=str(index),
        seeker=seeker,
        response=response,
        emotional_reactions=level,  # type: ignore[arg-type]
        interpretations=level,  # type: ignore[arg-type]
        explorations=level,  # type: ignore[arg-type]
        person_id=person,
    )


def test_groups_join_what_shares_a_person_or_a_distinctive_text() -> None:
    long = "I have not slept for three nights in a row."
    rows = [
        rating(0, long, "Okay.", 0),
        rating(1, long.upper(), "That sounds truly hard for you these days.", 0),
        rating(2, "Another matter that weighs on me a lot.", "that sounds truly hard for you, these days!", 0),
        rating(3, "Something else entirely happened to me today.", "Okay.", 0, "a"),
        rating(4, "And one more thing on top of it.", "Sure.", 0, "a"),
        rating(5, "Hello", "Okay.", 0),
    ]
    groups = rating_groups(rows)
    assert groups[0] == groups[1] == groups[2]
    assert groups[3] == groups[4]
    assert len(set(groups)) == 3


def test_short_texts_are_not_distinctive() -> None:
    assert not is_distinctive("Thank you so much!")
    assert is_distinctive("My boss shouted at me in front of everyone.")


def test_expected_level_lies_between_levels_and_orders_replies() -> None:
    texts = [f"{WARM} Case {i}." if i % 2 else f"{COLD} Case {i}." for i in range(20)]
    levels = {"emotional_reactions": numpy.array([2 * (i % 2) for i in range(20)])}
    embeddings = numpy.zeros((20, 4), dtype=numpy.float32)
    model = EmpathyModel(texts, embeddings, levels)
    scores = model.expected_levels([WARM, COLD], embeddings[:2])["emotional_reactions"]
    assert 2 > scores[0] > 1.5
    assert 0 < scores[1] < 0.5


def test_validation_predicts_no_group_from_itself() -> None:
    # The words of each group are its own and its levels are random: a leak would score far above chance.
    generator = numpy.random.default_rng(0)
    texts, groups, values = [], [], []
    for group in range(30):
        level = int(generator.integers(0, 2))
        for copy in range(4):
            texts.append(f"token{group} word{group} thing{group}" + " x" * copy)
            groups.append(group)
            values.append(level)
    embeddings = numpy.zeros((len(texts), 4), dtype=numpy.float32)
    levels = {name: numpy.array(values) for name in MECHANISMS}
    found = cross_validate(texts, embeddings, levels, groups, folds=3, seed=0)
    alone = cross_validate(texts, embeddings, levels, list(range(len(texts))), folds=3, seed=0)
    assert found["interpretations"].accuracy < 0.75
    assert alone["interpretations"].accuracy > 0.9


def test_one_level_teaches_nothing() -> None:
    with pytest.raises(ContractError, match="at least two levels"):
        rated_levels([rating(0, "a", "b", 1), rating(1, "c", "d", 1)])


def test_lexical_counts_by_hand() -> None:
    (row,) = lexical.features(["How do you feel? I’m sorry!"])
    # 6 words; one ?, one question word, one "you", one "i'm", one "sorry", one "feel", no advice, one !.
    assert row == pytest.approx(numpy.log1p([6, 1, 1, 1, 1, 1, 1, 0, 1]))


def test_sentence_embeddings_know_meaning_and_ignore_their_batch() -> None:
    encoder = SentenceEncoder()
    texts = ["My dog died yesterday.", "My puppy passed away last night.", "The train leaves at nine from platform two.", "Short."]
    together = encoder.encode(texts, 4)
    alone = numpy.vstack([encoder.encode([text], 1) for text in texts])
    assert together == pytest.approx(alone, abs=1e-5)
    assert numpy.linalg.norm(together, axis=1) == pytest.approx(numpy.ones(4), abs=1e-5)
    assert together[0] @ together[1] > 0.6 > 0.3 > together[0] @ together[2]


def test_distinct_2_by_hand() -> None:
    # Pairs within replies: "a b", "b a" and again "a b", "b a": two kinds of four.
    assert diversity.distinct_2(["a b a", "a b a"], budget=6, seed=0) == pytest.approx(0.5)
    # A budget of three words reads one reply in any order: "a b", "b a": both distinct.
    assert diversity.distinct_2(["a b a", "a b a"], budget=3, seed=0) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="6 words in 2 replies"):
        diversity.distinct_2(["a b a", "a b a"], budget=7, seed=0)


def test_openers_and_duplicates_by_hand() -> None:
    replies = ["I am so sorry.", "I am so glad.", "What happened?", "i am SO sorry"]
    assert diversity.opener_share(replies) == 0.75
    assert diversity.duplicate_share(replies) == 0.25


def test_self_similarity_by_hand() -> None:
    # Three unit vectors with pairwise cosines 1, 0, 0.
    vectors = numpy.array([[1, 0], [1, 0], [0, 1]], dtype=numpy.float32)
    assert diversity.self_similarity(vectors) == pytest.approx(1 / 3)


def test_unreadable_files_are_named_without_their_content(tmp_path: Path) -> None:
    path = tmp_path / "ratings.jsonl"
    path.write_text('{"id": "a", "text": "fine"}\n{"id": "b", "text": secret}\n')
    with pytest.raises(ContractError, match="line 2") as error:
        inputs.read(str(path), inputs.GeneralText)
    assert "secret" not in str(error.value)
    path.write_text('{"id": "a", "text": "fine"}\n\n{"id": "a", "text": "again"}\n')
    with pytest.raises(ContractError, match="not unique"):
        inputs.read(str(path), inputs.GeneralText)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ContractError, match="not UTF-8"):
        inputs.read(str(path), inputs.GeneralText)
    path.write_text("\n")
    with pytest.raises(ContractError, match="no rows"):
        inputs.read(str(path), inputs.GeneralText)


@pytest.mark.shared_data
@pytest.mark.slow
def test_scorer_on_epitome(shared_data: Path) -> None:
    """Trained on the training part, judged on the other: the published transformer has macro-F1 .745, .626, .726 (its own split)."""
    parts = [inputs.read(str(shared_data / "epitome" / f"empathy.{part}.jsonl"), EmpathyRating) for part in ("train", "valid")]
    encoder = SentenceEncoder()
    train, valid = ([row.response for row in rows] for rows in parts)
    model = EmpathyModel(train, encoder.encode(train, 64), rated_levels(parts[0]))
    predicted = model.predict(valid, encoder.encode(valid, 64))
    actual = rated_levels(parts[1])
    accuracy = {name: float((predicted[name] == actual[name]).mean()) for name in MECHANISMS}
    assert accuracy["emotional_reactions"] > 0.75
    assert accuracy["interpretations"] > 0.75
    assert accuracy["explorations"] > 0.875  # the rule "a question mark" alone
