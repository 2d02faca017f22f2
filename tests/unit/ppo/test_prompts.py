"""Contexts, their order, and continuing it."""

import pytest

from components.ppo.prompts import PtxSource, QuerySource, SeededCycle, conversation_contexts, preference_contexts
from components.shared.chat import encode_prompt
from components.shared.errors import ContractError
from components.shared.records import Conversation, Message
from tests.tiny_model import build_tokenizer, conversation, preference_pair


def test_each_assistant_turn_after_a_user_is_a_context() -> None:
    row = conversation(0, exchanges=3)
    contexts = conversation_contexts([row], every_turn=True)
    assert [context.prompt_id for context in contexts] == ["c0#1", "c0#3", "c0#5"]
    assert [message.role for message in contexts[1].before] == ["user", "assistant", "user"]
    assert [context.prompt_id for context in conversation_contexts([row], every_turn=False)] == ["c0#5"]


def test_a_reply_that_answers_nobody_is_no_context() -> None:
    greeting = Message(role="assistant", content="Hello.")
    row = Conversation(id="g", person_id="p", messages=[greeting, *conversation(0, exchanges=1).messages])
    assert [context.prompt_id for context in conversation_contexts([row], every_turn=True)] == ["g#2"]


def test_pairs_that_share_a_prompt_give_it_once() -> None:
    contexts = preference_contexts([preference_pair(0), preference_pair(4), preference_pair(1)])
    assert [context.prompt_id for context in contexts] == ["q0", "q1"]


def test_a_cycle_shows_each_item_once_a_pass_in_changing_order_and_can_be_continued() -> None:
    cycle = SeededCycle(range(20), seed=1)
    passes = [[next(cycle) for _ in range(20)] for _ in range(3)]
    assert all(sorted(order) == list(range(20)) for order in passes)
    assert passes[0] != passes[1] != passes[2]
    other = SeededCycle(range(20), seed=1)
    other.position = 27
    assert [next(other) for _ in range(13)] == passes[1][7:]
    assert [next(SeededCycle(range(20), seed=2)) for _ in range(1)] + passes[0] != passes[0]


def test_long_prompts_lose_their_oldest_turns_and_hopeless_ones_are_passed_over() -> None:
    tokenizer = build_tokenizer()
    long = Conversation(
        id="long",
        person_id="p",
        messages=[Message(role="user", content="a very long turn " * 50), Message(role="assistant", content="I see.")],
    )
    contexts = conversation_contexts([conversation(1, exchanges=6), long], every_turn=False)
    shortest = len(encode_prompt(tokenizer, conversation(1, exchanges=6).messages[-2:-1]))
    queries = QuerySource(contexts, tokenizer, shortest + 2, seed=0).draw(4)
    assert {query.prompt_id for query in queries} == {"c1#11"}
    assert all(len(query.input_ids) <= shortest + 2 for query in queries)
    with pytest.raises(ContractError, match=r"all 1 prompts are longer than 40 tokens; raise ppo\.max_prompt_length"):
        QuerySource(contexts[1:], tokenizer, 40, seed=0).draw(1)


def test_no_prompts_at_all_is_an_error() -> None:
    with pytest.raises(ContractError, match="no prompts"):
        QuerySource([], build_tokenizer(), 40, seed=0)


def test_ptx_stretches_hold_the_reply_and_fit() -> None:
    tokenizer = build_tokenizer()
    contexts = conversation_contexts([conversation(2, exchanges=4)], every_turn=False)
    for length in (200, 60):
        (stretch,) = PtxSource(contexts, tokenizer, length, seed=0).draw(1)
        assert len(stretch) <= length
        trained = [token for token, used in zip(stretch.input_ids, stretch.assistant_mask, strict=True) if used]
        reply = tokenizer.decode(trained)
        assert reply, length
        if length == 200:
            assert reply.endswith(contexts[0].messages[-1].content + "<|end|>")
