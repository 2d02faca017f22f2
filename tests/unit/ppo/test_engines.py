"""Engines that sample replies: the same replies as plain decoding gives, the whole distribution, and nothing left changed behind them.

vLLM cannot run here. Its tests put a stand-in for the package in its place and see what is asked of it, not what it would answer: that
vLLM does as it is asked is untested.
"""

import random
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from scipy.stats import chisquare

from components.ppo.batches import Reply, collate
from components.ppo.continuous_batching import ContinuousBatching, flash_attention
from components.ppo.engines import ENGINES, build_engine
from components.ppo.prompts import Query
from components.ppo.roles import POLICY, REFERENCE, VALUE, Roles
from components.ppo.rollout import Sampling
from components.ppo.vllm_engine import VllmEngine
from components.shared import shutdown
from components.shared.errors import ContractError, Interrupted
from components.shared.modeling import WEIGHTS_FILE, adapter_state, use_adapter
from tests.unit.ppo.family import Family, made_up_replies, queries_of, shake


@pytest.fixture
def roles(family: Family) -> Roles:
    """A policy far from its start, which is not the active adapter."""
    torch.manual_seed(0)
    roles = family.roles()
    shake(roles.model, POLICY, 0.4)
    use_adapter(roles.model, REFERENCE)
    return roles


def sampling(**changes: Any) -> Sampling:
    values = {"max_completion_length": 12, "temperature": 1.0, "stop_ids": frozenset[int](), "batch_size": 4}
    return Sampling(**{**values, **changes})


def likeliest(roles: Roles, query: Query, stop_ids: frozenset[int], length: int = 12) -> list[int]:
    """The policy's greedy reply, one whole forward pass a token."""
    use_adapter(roles.model, POLICY)
    ids = list(query.input_ids)
    with torch.no_grad():
        for _ in range(length):
            ids.append(int(roles.model.get_base_model()(torch.tensor([ids]), use_cache=False).logits[0, -1].argmax()))
            if ids[-1] in stop_ids:
                break
    use_adapter(roles.model, REFERENCE)
    return ids[len(query.input_ids) :]


def logits_of(roles: Roles, query: Query) -> torch.Tensor:
    use_adapter(roles.model, POLICY)
    with torch.no_grad():
        logits: torch.Tensor = roles.model.get_base_model()(torch.tensor([query.input_ids]), use_cache=False).logits[0, -1]
    use_adapter(roles.model, REFERENCE)
    return logits


@pytest.mark.parametrize("batch_size", [1, 3, 8])
def test_greedy_replies_are_the_likeliest_tokens_in_the_order_of_the_queries(roles: Roles, family: Family, batch_size: int) -> None:
    queries = queries_of(family.tokenizer(), 7)
    unstopped = [likeliest(roles, query, frozenset()) for query in queries]
    stops = frozenset(reply[place] for place, reply in zip((2, 5, 9), unstopped, strict=False))
    replies = ContinuousBatching(roles).generate(queries, sampling(temperature=0.0, stop_ids=stops, batch_size=batch_size), 0)
    assert [reply.response_ids for reply in replies] == [likeliest(roles, query, stops) for query in queries]
    assert [(reply.prompt_id, reply.query_ids) for reply in replies] == [(query.prompt_id, query.input_ids) for query in queries]
    assert len({len(reply.response_ids) for reply in replies}) > 2, "rows should end at different times"
    assert {reply.truncated for reply in replies} == {True, False}
    for reply in replies:
        assert reply.truncated == (reply.response_ids[-1] not in stops)
        assert not stops & set(reply.response_ids[:-1])


def test_queries_that_begin_alike_share_pages_and_change_nothing(roles: Roles) -> None:
    generator = torch.Generator().manual_seed(2)
    beginning = torch.randint(5, 250, (100,), generator=generator).tolist()
    queries = [Query(f"q{place}", [*beginning[: 60 + 5 * place], 7 + place]) for place in range(6)]
    replies = ContinuousBatching(roles).generate(queries, sampling(temperature=0.0, batch_size=2), 0)
    assert [reply.response_ids for reply in replies] == [likeliest(roles, query, frozenset()) for query in queries]


@pytest.mark.parametrize("temperature", [0.3, 1.3])
def test_first_tokens_follow_the_whole_tempered_distribution_of_the_policy(roles: Roles, temperature: float) -> None:
    query = Query("q", [5, 60, 200, 7])
    replies = ContinuousBatching(roles).generate(
        [query] * 4000, sampling(max_completion_length=1, temperature=temperature, batch_size=128), 0
    )
    counts = torch.bincount(torch.tensor([reply.response_ids[0] for reply in replies]), minlength=roles.projection.weight.shape[0])
    expected = 4000 * torch.softmax(logits_of(roles, query).double() / temperature, dim=-1)
    rare = expected < 5
    observed_bins = [*counts[~rare].tolist(), int(counts[rare].sum())]
    expected_bins = [*expected[~rare].tolist(), float(expected[rare].sum())]
    assert chisquare(observed_bins, expected_bins, sum_check=False).pvalue > 0.001


def test_what_the_models_own_generation_config_asks_for_is_not_done(roles: Roles, family: Family) -> None:
    queries = queries_of(family.tokenizer(), 3)
    plain = ContinuousBatching(roles).generate(queries, sampling(), 5)
    own = roles.model.get_base_model().generation_config
    own.top_k, own.temperature, own.do_sample, own.repetition_penalty, own.eos_token_id = 1, 0.1, True, 9.0, plain[0].response_ids[0]
    assert ContinuousBatching(roles).generate(queries, sampling(), 5) == plain


def test_equal_seeds_give_equal_replies_whatever_the_random_state(roles: Roles, family: Family) -> None:
    queries = queries_of(family.tokenizer(), 6)
    replies = []
    for seed, state in ((1, 100), (1, 200), (2, 100)):
        torch.manual_seed(state)
        replies.append(ContinuousBatching(roles).generate(queries, sampling(stop_ids=frozenset({7, 8, 9})), seed))
    assert replies[0] == replies[1] != replies[2]
    assert ContinuousBatching(roles).generate(queries, sampling(), 1, rows=range(6, 12)) != replies[0], "other rows, other numbers"


def state_of(roles: Roles) -> dict[str, Any]:
    """Everything that an engine could leave changed."""
    model = roles.model
    layer = next(module for module in model.modules() if hasattr(module, "formed"))
    return {
        "formed weight": layer.formed,
        "attention": model.get_base_model().config._attn_implementation,
        "modes": [module.training for module in model.modules()],
        "gradients": [parameter.requires_grad for parameter in model.parameters()],
        "weights": {key: tensor.clone() for key, tensor in model.state_dict().items()},
        "torch": torch.get_rng_state(),
        "random": random.getstate(),
        "threads": threading.enumerate(),
    }


def assert_same(before: dict[str, Any], after: dict[str, Any]) -> None:
    for key in ("formed weight", "attention", "modes", "gradients", "random", "threads"):
        assert before[key] == after[key], key
    assert torch.equal(before["torch"], after["torch"])
    assert all(torch.equal(tensor, after["weights"][key]) for key, tensor in before["weights"].items())


def fail_in_the_thread(engine: ContinuousBatching) -> None:
    with pytest.raises(RuntimeError, match="continuous batching failed") as caught:
        engine.generate([Query("good", [5, 6]), Query("bad", [10**6])], sampling(), 0)
    assert isinstance(caught.value.__cause__, IndexError), "no such row of the embedding"


def fail_for_memory(engine: ContinuousBatching) -> None:
    with pytest.raises(ContractError, match="smaller generation_batch_size"):
        engine.generate([Query("q", [5, 6])], sampling(max_completion_length=10**12), 0)


def fail_before_the_thread(engine: ContinuousBatching) -> None:
    with pytest.raises(ValueError, match="temperature"):
        engine.generate([Query("q", [5, 6])], sampling(temperature=-1.0), 0)


def succeed(engine: ContinuousBatching) -> None:
    assert len(engine.generate([Query("q", [5, 6])], sampling(), 0)) == 1


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("run", [succeed, fail_before_the_thread, fail_in_the_thread, fail_for_memory])
def test_everything_is_left_as_found_even_by_failures(roles: Roles, run: Callable[[ContinuousBatching], None], attention: str) -> None:
    use_adapter(roles.model, VALUE, trainable=True)
    roles.policy_parameters()[0].requires_grad_(True)
    roles.model.train()
    roles.model.get_base_model().get_input_embeddings().eval()
    roles.model.get_base_model().set_attn_implementation(attention)
    before = state_of(roles)
    run(ContinuousBatching(roles))
    assert_same(before, state_of(roles))


def test_another_adapter_may_speak_and_is_the_active_one_afterwards(roles: Roles, family: Family) -> None:
    queries = queries_of(family.tokenizer(), 3)
    policy, reference = (
        [reply.response_ids for reply in ContinuousBatching(roles).generate(queries, sampling(temperature=0.0), 0, adapter=adapter)]
        for adapter in (POLICY, REFERENCE)
    )
    assert roles.model.active_adapter == REFERENCE
    assert policy != reference
    shake(roles.model, POLICY, 0.4)
    again = ContinuousBatching(roles).generate(queries, sampling(temperature=0.0), 0, adapter=REFERENCE)
    assert [reply.response_ids for reply in again] == reference
    assert [reply.response_ids for reply in ContinuousBatching(roles).generate(queries, sampling(temperature=0.0), 0)] != policy
    assert roles.model.active_adapter == POLICY


def test_gradients_afterwards_are_those_of_before(roles: Roles) -> None:
    replies = made_up_replies(roles.projection.weight.shape[0])
    batch = collate(replies, range(len(replies)), roles.device)

    def gradients() -> list[torch.Tensor]:
        use_adapter(roles.model, POLICY, trainable=True)
        roles.model.train()
        roles.hidden(batch.input_ids).square().mean().backward()
        slopes = [parameter.grad.clone() for parameter in roles.policy_parameters()]
        roles.model.zero_grad()
        return slopes

    before = gradients()
    ContinuousBatching(roles).generate([Query("q", [5, 6, 7])], sampling(), 0)
    assert any(bool(slope.any()) for slope in before)
    assert all(torch.equal(one, other) for one, other in zip(before, gradients(), strict=True))


def test_a_stop_ends_the_sampling_between_two_tokens(roles: Roles, monkeypatch: pytest.MonkeyPatch) -> None:
    passes, asked = [], threading.Event()

    def count(*_: object) -> None:
        passes.append(None)
        if len(passes) == 3:
            assert asked.wait(60), "nobody looked for a stop"

    def requested() -> bool:
        if len(passes) >= 3:
            asked.set()
        return asked.is_set()

    monkeypatch.setattr(shutdown, "requested", requested)
    handle = roles.model.get_base_model().register_forward_hook(count)
    before = state_of(roles)
    with pytest.raises(Interrupted):
        ContinuousBatching(roles).generate([Query("q", [5, 6])], sampling(max_completion_length=900), 0)
    handle.remove()
    assert 3 <= len(passes) < 900
    assert_same(before, state_of(roles))


def test_no_queries_no_replies(roles: Roles) -> None:
    assert ContinuousBatching(roles).generate([], sampling(), 0) == []
    assert flash_attention(roles.model.get_base_model()) is None


class StandIn:
    """Stands for the package vllm, which cannot run here: keeps what it is asked and answers with made-up tokens."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.built: dict[str, Any] = {}
        self.calls: list[SimpleNamespace] = []
        self.removed: list[int] = []
        self.token_ids, self.finish_reason = [11, 12, 3], "stop"
        package, requests = ModuleType("vllm"), ModuleType("vllm.lora.request")
        package.SamplingParams = SimpleNamespace
        package.LLM = self.build
        requests.LoRARequest = lambda name, number, path: SimpleNamespace(name=name, number=number, path=Path(path))
        for name, module in (("vllm", package), ("vllm.lora", ModuleType("vllm.lora")), ("vllm.lora.request", requests)):
            monkeypatch.setitem(sys.modules, name, module)

    def build(self, **settings: Any) -> Any:
        self.built = settings
        return SimpleNamespace(generate=self.generate, llm_engine=SimpleNamespace(remove_lora=self.removed.append))

    def generate(self, prompts: list[Any], parameters: list[Any], *, use_tqdm: bool, lora_request: Any) -> list[Any]:
        weights = load_file(lora_request.path / WEIGHTS_FILE)
        self.calls.append(SimpleNamespace(prompts=prompts, parameters=parameters, adapter=lora_request, weights=weights))
        logprobs = [{token: SimpleNamespace(logprob=-token / 10)} for token in self.token_ids]
        answer = SimpleNamespace(token_ids=tuple(self.token_ids), logprobs=logprobs, finish_reason=self.finish_reason)
        return [SimpleNamespace(outputs=[answer]) for _ in prompts]


@pytest.fixture
def vllm(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    return StandIn(monkeypatch)


QUERIES = [Query("a", [5, 6]), Query("b", [7]), Query("a", [5, 6])]
STOPPED = sampling(temperature=0.7, stop_ids=frozenset({3, 4}))


def test_vllm_is_asked_for_a_frozen_base_with_one_adapter(vllm: StandIn, roles: Roles, family: Family) -> None:
    """With a stand-in for vllm."""
    VllmEngine(family.reference, roles, gpu_memory_utilization=0.25, max_length=640)
    assert vllm.built["model"] == str(family.base)
    assert vllm.built["enable_lora"] is True
    assert vllm.built["max_lora_rank"] == 8, "the adapter's rank is 4, the smallest that vllm takes is 8"
    assert (vllm.built["dtype"], vllm.built["max_model_len"], vllm.built["gpu_memory_utilization"]) == ("float32", 640, 0.25)
    assert vllm.built["trust_remote_code"] is False
    assert (vllm.built["generation_config"], vllm.built["logprobs_mode"]) == ("vllm", "processed_logprobs")


def test_vllm_gets_the_policy_as_it_is_now_under_a_new_name_each_time(vllm: StandIn, roles: Roles, family: Family) -> None:
    """With a stand-in for vllm."""
    engine = VllmEngine(family.reference, roles)
    states = []
    for _ in range(2):
        shake(roles.model, POLICY, 0.1)
        states.append(adapter_state(roles.model, POLICY))
        engine.generate(QUERIES, STOPPED, 0)
    assert [(call.adapter.name, call.adapter.number) for call in vllm.calls] == [("policy-1", 1), ("policy-2", 2)]
    for call, state in zip(vllm.calls, states, strict=True):
        assert call.weights.keys() == state.keys()
        assert all(torch.equal(call.weights[key], state[key]) for key in state)
        assert not call.adapter.path.exists()
    assert vllm.removed == [1, 2]


def test_vllm_is_asked_for_the_whole_distribution_and_a_seed_for_each_reply(vllm: StandIn, roles: Roles, family: Family) -> None:
    """With a stand-in for vllm."""
    engine = VllmEngine(family.reference, roles)
    for seed in (1, 1, 2):
        engine.generate(QUERIES, STOPPED, seed)
    assert vllm.calls[0].prompts == [{"prompt_token_ids": query.input_ids} for query in QUERIES]
    wanted = {"temperature": 0.7, "top_p": 1.0, "top_k": -1, "stop_token_ids": [3, 4], "ignore_eos": True, "max_tokens": 12, "logprobs": 0}
    assert all(wanted.items() <= vars(parameters).items() for parameters in vllm.calls[0].parameters)
    seeds = [[parameters.seed for parameters in call.parameters] for call in vllm.calls]
    assert seeds[0] == seeds[1]
    assert len({*seeds[0], *seeds[2]}) == 6, "two equal queries in one rollout get different replies, and so does the next rollout"
    engine.generate(QUERIES[1:], STOPPED, 1, rows=[1, 2])
    assert [parameters.seed for parameters in vllm.calls[3].parameters] == seeds[0][1:], "a row is the same in any share of the rollout"


def test_replies_of_vllm_keep_the_stop_token_and_the_log_probabilities(vllm: StandIn, roles: Roles, family: Family) -> None:
    """With a stand-in for vllm."""
    engine = VllmEngine(family.reference, roles)
    assert engine.generate(QUERIES[:1], STOPPED, 0) == [Reply("a", [5, 6], [11, 12, 3], False, logprobs=[-1.1, -1.2, -0.3])]
    vllm.token_ids, vllm.finish_reason = list(range(11, 23)), "length"
    assert [reply.truncated for reply in engine.generate(QUERIES, STOPPED, 0)] == [True, True, True]


@pytest.mark.parametrize(("token_ids", "reason"), [([11, 12], "stop"), ([11, 12], "length"), ([11] * 12, "abort"), ([], "stop")])
def test_a_reply_that_vllm_cuts_short_is_refused(vllm: StandIn, roles: Roles, family: Family, token_ids: list[int], reason: str) -> None:
    """With a stand-in for vllm."""
    vllm.token_ids, vllm.finish_reason = token_ids, reason
    with pytest.raises(RuntimeError, match="without a stop token"):
        VllmEngine(family.reference, roles).generate(QUERIES, STOPPED, 0)
    assert vllm.removed == [1]


def test_vllm_refuses_a_quantised_base(vllm: StandIn, roles: Roles, family: Family) -> None:
    """With a stand-in for vllm."""
    roles.model.get_base_model().config.quantization_config = {"quant_method": "bitsandbytes"}
    with pytest.raises(ContractError, match="another policy"):
        VllmEngine(family.reference, roles)


def test_vllm_that_is_not_installed_says_what_to_install(roles: Roles, family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(ContractError, match=r"install attune\[vllm\]"):
        build_engine("vllm", roles, family.reference, ContinuousBatching(roles))


def test_engines_by_name(vllm: StandIn, roles: Roles, family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = ContinuousBatching(roles)
    built = {name: build_engine(name, roles, family.reference, loop, max_length=99) for name in ENGINES}
    assert built["loop"] is built["auto"] is loop
    assert isinstance(built["continuous_batching"], ContinuousBatching)
    assert built["continuous_batching"] is not loop
    assert isinstance(built["vllm"], VllmEngine)
    assert vllm.built["max_model_len"] == 99
    monkeypatch.setattr(Roles, "device", property(lambda _: torch.device("cuda")))
    assert isinstance(build_engine("auto", roles, family.reference, loop), ContinuousBatching)
    with pytest.raises(ContractError, match="give one of auto, loop, continuous_batching, vllm"):
        build_engine("sglang", roles, family.reference, loop)
