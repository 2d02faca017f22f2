"""Replies do not depend on who shares their batch, end where they end, and are drawn from the full distribution."""

from pathlib import Path
from typing import Any

import pytest
import torch

from components.shared import chat, modeling
from components.shared.arms import Arms
from components.shared.generation import Decoding, generate
from components.shared.lora import LoraSettings
from tests.tiny_model import build_tiny_model, conversation, reference_of


@pytest.fixture(scope="module")
def model_and_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    reference = reference_of(build_tiny_model(tmp_path_factory.mktemp("model")))
    return modeling.load_base(reference), modeling.load_tokenizer(reference)


def prompts(tokenizer: Any) -> list[list[int]]:
    return [chat.encode_prompt(tokenizer, conversation(index, exchanges=1 + index % 3).messages[:-1]) for index in range(5)]


def test_greedy_replies_equal_step_by_step_argmax(model_and_tokenizer: tuple[Any, Any]) -> None:
    model, tokenizer = model_and_tokenizer
    decoding = Decoding(max_new_tokens=6, temperature=0.0, seed=0, batch_size=3)
    replies = generate(model, tokenizer, prompts(tokenizer), decoding, "test")
    stops = chat.end_of_turn_ids(tokenizer)
    for prompt, reply in zip(prompts(tokenizer), replies, strict=True):
        ids = list(prompt)
        for _ in range(6):
            with torch.no_grad():
                ids.append(int(model(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
            if ids[-1] in stops:
                break
        assert reply.ids == ids[len(prompt) :]
        assert reply.truncated == (ids[-1] not in stops)


def test_a_reply_ends_at_its_first_end_of_turn(tmp_path: Path) -> None:
    reference = reference_of(build_tiny_model(tmp_path))
    model, tokenizer = modeling.load_base(reference), modeling.load_tokenizer(reference)
    # Untie the output layer and let it always prefer the end of the turn.
    layer = torch.nn.Linear(model.config.hidden_size, model.config.vocab_size, bias=True)
    layer.weight.data.zero_()
    layer.bias.data.zero_()
    layer.bias.data[tokenizer.eos_token_id] = 5.0
    model.set_output_embeddings(layer)
    (reply,) = generate(model, tokenizer, prompts(tokenizer)[:1], Decoding(6, 0.0, 0, 1), "test")
    assert reply.ids == [tokenizer.eos_token_id]
    assert (reply.text, reply.truncated) == ("", False)


def test_sampling_is_seeded_and_reaches_beyond_the_top_50(model_and_tokenizer: tuple[Any, Any]) -> None:
    model, tokenizer = model_and_tokenizer
    prompt = prompts(tokenizer)[0]
    first = generate(model, tokenizer, [prompt] * 64, Decoding(8, 2.0, 1, 64), "test")
    again = generate(model, tokenizer, [prompt] * 64, Decoding(8, 2.0, 1, 64), "test")
    other = generate(model, tokenizer, [prompt] * 64, Decoding(8, 2.0, 2, 64), "test")
    assert [r.ids for r in first] == [r.ids for r in again]
    assert [r.ids for r in first] != [r.ids for r in other]
    with torch.no_grad():
        top = set(model(input_ids=torch.tensor([prompt])).logits[0, -1].topk(50).indices.tolist())
    assert any(reply.ids[0] not in top for reply in first)


def test_the_base_arm_has_no_adapter_and_switching_leaves_no_trace(tmp_path: Path) -> None:
    base = build_tiny_model(tmp_path / "base")
    reference = reference_of(base)
    directories = {}
    for seed, name in enumerate(("sft", "ppo")):
        torch.manual_seed(seed)
        model = modeling.new_adapter(modeling.load_base(reference), name, LoraSettings(r=2))
        for _, parameter in modeling.adapter_parameters(model, name):
            parameter.data = torch.randn_like(parameter) * 0.2
        directories[name] = tmp_path / name
        modeling.save_adapter(model, name, directories[name])
    arms = Arms(reference, directories, 4096)
    assert arms.context == 1024  # the model's own limit
    ids = torch.tensor([[5, 6, 7, 8]])

    def logits(arm: str) -> torch.Tensor:
        with arms.active(arm) as model, torch.no_grad():
            result: torch.Tensor = model(input_ids=ids).logits
            return result

    with torch.no_grad():
        plain = modeling.load_base(reference)(input_ids=ids).logits
    seen = {arm: logits(arm) for arm in ("base", "sft", "ppo")}
    assert torch.equal(seen["base"], plain)
    assert not torch.allclose(seen["sft"], plain)
    assert not torch.allclose(seen["ppo"], seen["sft"])
    assert torch.equal(logits("sft"), seen["sft"])
    assert torch.equal(logits("base"), plain)
