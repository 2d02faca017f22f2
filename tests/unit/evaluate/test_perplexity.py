"""Likelihoods against the model's own loss and hand arithmetic."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from components.evaluate import perplexity
from components.evaluate.perplexity import TextLikelihood
from components.shared import chat, modeling
from components.shared.records import Message
from tests.tiny_model import SENTENCES, build_tiny_model, conversation, reference_of


@pytest.fixture(scope="module")
def model_and_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    reference = reference_of(build_tiny_model(tmp_path_factory.mktemp("model")))
    return modeling.load_base(reference), modeling.load_tokenizer(reference)


def transformers_loss(model: Any, ids: list[int], marks: list[int]) -> float:
    """Summed loss as transformers computes it from labels."""
    labels = [token if mark else -100 for token, mark in zip(ids, marks, strict=True)]
    with torch.no_grad():
        loss = model(input_ids=torch.tensor([ids]), labels=torch.tensor([labels])).loss
    return float(loss) * sum(marks)


def test_conversations_match_the_models_own_loss(model_and_tokenizer: tuple[Any, Any]) -> None:
    model, tokenizer = model_and_tokenizer
    rows = [conversation(index, exchanges=1 + index % 3) for index in range(5)]
    passages = [perplexity.conversation_passage(tokenizer, row.messages, 1024) for row in rows]
    found = perplexity.likelihoods(model, passages, batch_tokens=400, description="test")
    for row, value in zip(rows, found, strict=True):
        encoded = chat.encode(tokenizer, row.messages)
        replies = [message.content for message in row.messages if message.role == "assistant"]
        assert value.nats == pytest.approx(transformers_loss(model, encoded.input_ids, encoded.assistant_mask), rel=1e-5)
        assert value.n_tokens == sum(encoded.assistant_mask)
        assert value.n_bytes == sum(len(reply.encode()) for reply in replies)


def test_batching_does_not_change_a_likelihood(model_and_tokenizer: tuple[Any, Any]) -> None:
    model, tokenizer = model_and_tokenizer
    passages = [perplexity.conversation_passage(tokenizer, conversation(i, 1 + i % 3).messages, 1024) for i in range(6)]
    alone = perplexity.likelihoods(model, passages, batch_tokens=1, description="test")
    together = perplexity.likelihoods(model, passages, batch_tokens=100_000, description="test")
    assert [v.nats for v in alone] == pytest.approx([v.nats for v in together], rel=1e-5)
    assert [v.n_tokens for v in alone] == [v.n_tokens for v in together]


def test_long_conversations_are_scored_in_stretches_and_lose_no_token(model_and_tokenizer: tuple[Any, Any]) -> None:
    _, tokenizer = model_and_tokenizer
    row = conversation(0, exchanges=6)
    whole = perplexity.conversation_passage(tokenizer, row.messages, 1024)
    cut_up = perplexity.conversation_passage(tokenizer, row.messages, 150)
    assert len(cut_up.stretches) > 1
    assert not cut_up.cut
    marked = [sum(sum(stretch.assistant_mask) for stretch in passage.stretches) for passage in (whole, cut_up)]
    assert marked[0] == marked[1]
    assert whole.n_bytes == cut_up.n_bytes


def test_a_reply_that_does_not_fit_is_cut_and_counts_only_the_bytes_that_are_scored(model_and_tokenizer: tuple[Any, Any]) -> None:
    _, tokenizer = model_and_tokenizer
    messages = [Message(role="user", content="Hello"), Message(role="assistant", content=SENTENCES[1] * 5)]
    passage = perplexity.conversation_passage(tokenizer, messages, 40)
    assert passage.cut
    kept = tokenizer.decode([t for s in passage.stretches for t, mark in zip(s.input_ids, s.assistant_mask, strict=True) if mark])
    assert messages[1].content.startswith(kept)
    assert 0 < passage.n_bytes == len(kept.encode()) < len(messages[1].content.encode())


def test_plain_text_scores_every_token_once_with_context(model_and_tokenizer: tuple[Any, Any]) -> None:
    model, tokenizer = model_and_tokenizer
    text = " ".join(SENTENCES)
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    passage = perplexity.text_passage(tokenizer, text, 64)
    scored = [t for s in passage.stretches for t, mark in zip(s.input_ids, s.assistant_mask, strict=True) if mark]
    assert scored == ids
    assert all(len(stretch) <= 64 for stretch in passage.stretches)
    assert all(stretch.assistant_mask[:31] == [0] * 31 for stretch in passage.stretches[1:])
    (whole,) = perplexity.likelihoods(model, [perplexity.text_passage(tokenizer, text, 1024)], batch_tokens=5000, description="test")
    start = [tokenizer.eos_token_id, *ids]
    assert whole.nats == pytest.approx(transformers_loss(model, start, [0] + [1] * len(ids)), rel=1e-5)
    assert whole.n_bytes == len(text.encode())


def test_bits_per_byte_by_hand() -> None:
    # 8 ln 2 nats are 8 bits; over 4 bytes 2 bits a byte, over 2 tokens 4 ln 2 nats a token.
    value = TextLikelihood(nats=8 * math.log(2), n_tokens=2, n_bytes=4)
    assert value.bits_per_byte == pytest.approx(2.0)
    assert value.nats_per_token == pytest.approx(4 * math.log(2))


def test_a_uniform_model_has_the_entropy_of_its_vocabulary(tmp_path: Path) -> None:
    reference = reference_of(build_tiny_model(tmp_path))
    model, tokenizer = modeling.load_base(reference), modeling.load_tokenizer(reference)
    model.get_output_embeddings().weight.data.zero_()
    (value,) = perplexity.likelihoods(
        model, [perplexity.text_passage(tokenizer, SENTENCES[0], 1024)], batch_tokens=5000, description="test"
    )
    assert value.nats_per_token == pytest.approx(math.log(model.config.vocab_size), rel=1e-6)


def test_a_generated_reply_is_scored_after_its_prompt(model_and_tokenizer: tuple[Any, Any]) -> None:
    model, tokenizer = model_and_tokenizer
    prompt, reply = chat.encode_reply(tokenizer, conversation(0).messages[:1], conversation(0).messages[1])
    passage = perplexity.continuation_passage(prompt, reply, conversation(0).messages[1].content)
    (value,) = perplexity.likelihoods(model, [passage], batch_tokens=5000, description="test")
    expected = transformers_loss(model, [*prompt, *reply], [0] * len(prompt) + [1] * len(reply))
    assert value.nats == pytest.approx(expected, rel=1e-5)
