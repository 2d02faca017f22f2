"""Members and non-members of the same length; canaries are nobody."""

from pathlib import Path
from typing import Any

import pytest

from components.privacy_audit import subjects
from components.privacy_audit.config import PrivacyAuditConfig
from components.shared import chat, modeling
from components.shared.records import Conversation
from components.split.canaries import make_canaries
from tests.tiny_model import build_tiny_model, conversation, reference_of


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    directory: Path = build_tiny_model(tmp_path_factory.mktemp("model"))
    return modeling.load_tokenizer(reference_of(directory))


def rows(count: int, exchanges: int, first: int = 0) -> list[Conversation]:
    return [conversation(index, exchanges) for index in range(first, first + count)]


def test_canaries_are_no_members(tokenizer: Any) -> None:
    planted = [row for canary in make_canaries(1, (2,), "en", 0) for row in canary.rows()]
    found = subjects.dialogues(tokenizer, [*rows(3, 2), *planted], 1024, "train")
    assert [dialogue.row.id for dialogue in found] == ["c0", "c1", "c2"]


def test_members_are_matched_by_length(tokenizer: Any) -> None:
    members = subjects.dialogues(tokenizer, [*rows(6, 1), *rows(6, 4, 100)], 1024, "train")
    others = subjects.dialogues(tokenizer, rows(4, 4, 200), 1024, "test")
    picked, chosen = subjects.matched(members, others, 10, seed=0)
    assert len(picked) == len(chosen) == 4
    assert {len(dialogue.row.messages) for dialogue in picked} == {8}
    assert len({dialogue.row.id for dialogue in picked}) == 4
    assert len(subjects.matched(members, others, 2, seed=0)[0]) == 2


def test_replies_and_prefixes_are_those_of_the_conversation(tokenizer: Any) -> None:
    (dialogue,) = subjects.dialogues(tokenizer, rows(1, 3), 1024, "train")
    said = [message.content for message in dialogue.row.messages if message.role == "assistant"]
    assert [tokenizer.decode(ids, skip_special_tokens=True) for ids in dialogue.replies()] == said
    (prefix,) = subjects.prefixes(tokenizer, [dialogue], PrivacyAuditConfig(extraction_tokens=5), room=900)
    turn = 2 * said.index(tokenizer.decode(prefix.reply, skip_special_tokens=True)) + 1
    assert prefix.ids == chat.encode_prompt(tokenizer, dialogue.row.messages[:turn])


def test_openings_are_repeated_in_turn(tokenizer: Any) -> None:
    lines = subjects.OPENINGS.read_text(encoding="utf-8").splitlines()
    prompts = subjects.openings(tokenizer, len(lines) + 1)
    assert prompts[0] == prompts[-1]
    assert len({tuple(prompt) for prompt in prompts}) == len(lines)
