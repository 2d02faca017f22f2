"""What is one unit, on conversations small enough to count by hand."""

from components.sft.examples import Examples, build
from components.sft.units import Unit, group, max_conversations_per_person, physical_batches
from components.shared.chat import Encoded
from components.shared.records import Conversation, Message
from tests.tiny_model import build_tokenizer


def row(name: str, person: str, exchanges: int, *, first: str = "user") -> Conversation:
    roles = ["user", "assistant"] if first == "user" else ["assistant", "user"]
    turns = [Message.model_validate({"role": role, "content": "ab"[role == "assistant"]}) for role in roles * exchanges]
    return Conversation(id=name, person_id=person, messages=turns)


def examples() -> Examples:
    """An exchange is 10 tokens, a window at most 20: 1, 3, none and 2 windows; the first and last belong to one person."""
    rows = [row("c", "p", 1), row("c", "q", 5), row("d", "q", 1, first="assistant"), row("e", "p", 3)]
    return build(build_tokenizer(), rows, 20, "train")


def test_all_windows_of_a_conversation_are_one_unit() -> None:
    units = group(examples(), "conversation")  # equal ids make no unit: each row is a conversation

    assert [[len(window) for window in unit.windows] for unit in units] == [[10], [20, 20, 10], [20, 10]]
    assert [unit.num_loss_tokens for unit in units] == [2, 10, 6]


def test_all_conversations_of_a_person_are_one_unit() -> None:
    units = group(examples(), "person")

    assert [[len(window) for window in unit.windows] for unit in units] == [[10, 20, 10], [20, 20, 10]]
    assert max_conversations_per_person(examples()) == 2


def unit(*lengths: int) -> Unit:
    return Unit([Encoded([7] * length, [0] + [1] * (length - 1)) for length in lengths])


def test_forward_passes_hold_each_window_once_and_units_in_a_row() -> None:
    batches = list(physical_batches([unit(3), unit(9, 2, 2), unit(5)], 2))

    assert [[len(row.window) for row in rows] for rows in batches] == [[9, 2], [2, 5], [3]]
    assert [[row.last for row in rows] for rows in batches] == [[False, False], [True, True], [True]]
    assert [round(1 / row.weight) for rows in batches for row in rows] == [10, 10, 10, 4, 2]


def test_a_step_that_sampled_nobody_has_no_forward_pass() -> None:
    assert list(physical_batches([], 2)) == []
