"""Runs of one person's replies, and what many people were told."""

from components.privacy_audit.overlap import PersonalRuns, longest_run, run_hashes

TRAIN = [("ann", [1, 2, 3, 4, 5, 6]), ("ann", [1, 2, 3, 9]), ("bob", [4, 5, 6, 7]), ("eve", [20, 21, 22])]
TEST = [("zoe", [20, 21, 22, 23])]


def test_a_run_of_one_person_is_personal_and_one_of_several_is_not() -> None:
    runs = PersonalRuns(TRAIN, TEST, 3)
    assert runs.contains([0, 1, 2, 3, 0])  # Ann's, though she was told it twice
    assert runs.contains([2, 3, 4])
    assert not runs.contains([0, 4, 5, 6, 0])  # Ann's and Bob's
    assert not runs.contains([20, 21, 22])  # Eve's, but Zoe was told it too, and nobody trained on her
    assert not runs.contains([21, 22, 23])  # Zoe's alone: not of train
    assert not runs.contains([1, 2])  # too short to hold a run
    assert runs.is_personal([5, 6, 7])
    assert not runs.is_personal([5, 6, 7, 8])


def test_the_order_of_tokens_matters() -> None:
    assert len({int(run_hashes(ids, 3)[0]) for ids in ([1, 2, 3], [3, 2, 1], [2, 1, 3], [0, 0, 6], [6, 0, 0])}) == 5


def test_the_longest_run() -> None:
    assert longest_run([[0, 2, 3, 4, 5, 0], [7, 7]], TRAIN) == 4
    assert longest_run([[1, 2, 3, 4, 5, 6]], TRAIN) == 6
    assert longest_run([[30, 31]], TRAIN) == 0
    assert longest_run([], TRAIN) == 0


def test_nothing_to_compare_with() -> None:
    assert not PersonalRuns([], [], 3).contains([1, 2, 3])
    assert not PersonalRuns([("a", [1])], [], 3).contains([1, 2, 3])
