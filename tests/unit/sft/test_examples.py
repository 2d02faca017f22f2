"""What is counted when conversations become windows, on dialogues small enough to count by hand."""

import pytest

from components.sft.examples import IGNORED, build, labels_of
from components.shared import chat
from components.shared.errors import ContractError
from components.shared.records import Conversation, Message
from tests.tiny_model import build_tokenizer


def row(*contents: str, first: str = "user") -> Conversation:
    roles = ["user", "assistant"] if first == "user" else ["assistant", "user"]
    return Conversation(
        id="c", person_id="p", messages=[Message.model_validate({"role": roles[i % 2], "content": text}) for i, text in enumerate(contents)]
    )


def test_labels_are_the_ids_where_the_assistant_speaks() -> None:
    window = chat.Encoded([5, 6, 7, 8], [0, 1, 0, 1])

    assert labels_of(window) == [IGNORED, 6, IGNORED, 8]


def test_counts() -> None:
    tokenizer = build_tokenizer()
    rows = [
        row("a", "b"),  # one window: 4 tokens for "a", 5 for "b" of which "b" and <|end|> are the assistant's
        row("a", "x" * 60),  # cut
        row("y" * 60, "b", "a", "b"),  # the first reply is behind a turn that fills the window
        row("a", "b", "a", "b", "a", "b", "a", "b", "a", "b"),  # five exchanges of 10 tokens: split
        row("b", "a", "b", first="assistant"),  # the opener is lost
    ]

    examples = build(tokenizer, rows, 40, "train")

    assert len(chat.encode(tokenizer, rows[0].messages)) == 10
    assert examples.num_conversations == 5
    assert [len(window) for window in examples.windows] == [10, 40, 10, 40, 10, 10]
    assert (examples.num_split, examples.num_cut, examples.num_lost_replies) == (1, 1, 2)
    assert examples.num_tokens == 120
    assert examples.num_loss_tokens == 2 + 33 + 2 + 8 + 2 + 2  # of the cut reply 40 - 7 tokens are left
    assert [len(ids) for ids in examples.dataset(by_length=True)["input_ids"]] == [10, 10, 10, 10, 40, 40]


def test_no_reply_at_all_is_an_error_without_a_word_of_the_text() -> None:
    with pytest.raises(ContractError, match="train: none of 1 conversations") as error:
        build(build_tokenizer(), [row("secret " * 40, "whisper")], 20, "train")

    assert "secret" not in str(error.value)
