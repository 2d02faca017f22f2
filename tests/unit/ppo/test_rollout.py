"""Decoding: greedy replies equal transformers' own, rows may leave, the whole distribution is sampled."""

import pytest
import torch

from components.ppo.batches import collate, kept_rows
from components.ppo.prompts import Query
from components.ppo.roles import POLICY, Roles
from components.ppo.rollout import DecodingLoop, Sampling, draw
from components.ppo.scoring import response_logprobs
from components.shared.modeling import use_adapter
from tests.unit.ppo.family import Family, queries_of, shake


@pytest.fixture
def policy(family: Family) -> Roles:
    """A policy far enough from its start that its greedy replies are not one token over and over."""
    torch.manual_seed(0)
    roles = family.roles()
    shake(roles.model, POLICY, 0.4)
    use_adapter(roles.model, POLICY)
    return roles


def greedy(roles: Roles, queries: list[Query], stop_ids: frozenset[int], batch_size: int = 8) -> list[list[int]]:
    sampling = Sampling(max_completion_length=16, temperature=0.0, stop_ids=stop_ids, batch_size=batch_size)
    return [reply.response_ids for reply in DecodingLoop(roles).generate(queries, sampling, seed=0)]


def reference(roles: Roles, query: Query, stop_ids: frozenset[int]) -> list[int]:
    """Transformers' own greedy reply to one query, without padding."""
    model = roles.model.get_base_model()
    ids = torch.tensor([query.input_ids])
    output = model.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=16, do_sample=False, eos_token_id=sorted(stop_ids) or None, pad_token_id=0
    )
    return output[0, len(query.input_ids) :].tolist()


def common_stops(roles: Roles, queries: list[Query]) -> frozenset[int]:
    """Tokens that greedy replies contain at different places, so that rows end at different times."""
    replies = greedy(roles, queries, frozenset())
    return frozenset(reply[place] for place, reply in zip((2, 5, 9), replies, strict=False))


@pytest.mark.parametrize("batch_size", [1, 3, 8])
def test_greedy_replies_equal_transformers_own_whatever_the_padding(policy: Roles, family: Family, batch_size: int) -> None:
    queries = queries_of(family.tokenizer(), 7)
    assert len({len(query.input_ids) for query in queries}) > 3
    stops = common_stops(policy, queries)
    replies = greedy(policy, queries, stops, batch_size)
    assert replies == [reference(policy, query, stops) for query in queries]
    assert len({len(reply) for reply in replies}) > 2, "rows should end at different times"


def test_the_end_token_belongs_to_the_reply_and_truncation_is_flagged(policy: Roles, family: Family) -> None:
    queries = queries_of(family.tokenizer(), 7)
    stops = common_stops(policy, queries)
    sampling = Sampling(max_completion_length=6, temperature=0.0, stop_ids=stops, batch_size=8)
    replies = DecodingLoop(policy).generate(queries, sampling, seed=0)
    assert {reply.truncated for reply in replies} == {True, False}
    for reply in replies:
        assert reply.truncated == (reply.response_ids[-1] not in stops)
        assert not stops & set(reply.response_ids[:-1])
        assert not reply.truncated or len(reply.response_ids) == 6


def test_samples_follow_the_whole_distribution(policy: Roles, family: Family) -> None:
    """Hundreds of first tokens: a top-k of 50 would leave out more than half of the probability."""
    (query,) = queries_of(family.tokenizer(), 1)
    sampling = Sampling(max_completion_length=1, temperature=1.3, stop_ids=frozenset(), batch_size=1000)
    replies = DecodingLoop(policy).generate([query] * 4000, sampling, seed=0)
    counts = torch.bincount(torch.tensor([reply.response_ids[0] for reply in replies]), minlength=policy.projection.weight.shape[0])
    with torch.no_grad():
        probabilities = torch.softmax(policy.model.get_base_model()(torch.tensor([query.input_ids])).logits[0, -1] / 1.3, dim=-1)
    assert int((counts > 0).sum()) > 150
    expected = 4000 * probabilities
    chi_square = float(((counts - expected).square() / expected).sum())
    freedom = len(counts) - 1
    assert chi_square < freedom + 5 * (2 * freedom) ** 0.5


def test_equal_seeds_equal_replies(policy: Roles, family: Family) -> None:
    queries = queries_of(family.tokenizer(), 4)
    sampling = Sampling(max_completion_length=9, temperature=1.0, stop_ids=frozenset({7, 8, 9}), batch_size=3)
    first, again, other = (DecodingLoop(policy).generate(queries, sampling, seed) for seed in (1, 1, 2))
    assert first == again != other


def test_a_reply_depends_on_its_place_alone_not_on_what_is_decoded_with_it(policy: Roles, family: Family) -> None:
    queries = queries_of(family.tokenizer(), 6)
    loop, stops = DecodingLoop(policy), frozenset(range(5, 30))
    whole = loop.generate(queries, Sampling(9, 1.0, stops, 6), seed=3)
    assert len({len(reply.response_ids) for reply in whole}) > 2, "rows should leave at different times"
    one_by_one = loop.generate(queries, Sampling(9, 1.0, stops, 1), seed=3)
    halves = [loop.generate(queries[part::2], Sampling(9, 1.0, stops, 6), 3, range(part, 6, 2)) for part in (0, 1)]
    joined = [halves[row % 2][row // 2] for row in range(6)]
    for other in (one_by_one, joined):
        assert [reply.response_ids for reply in other] == [reply.response_ids for reply in whole]


@pytest.mark.parametrize("temperature", [0.7, 1.0])
def test_what_is_kept_of_each_token_is_what_a_training_pass_computes(policy: Roles, family: Family, temperature: float) -> None:
    queries = queries_of(family.tokenizer(), 5)
    replies = DecodingLoop(policy).generate(queries, Sampling(9, temperature, frozenset(range(5, 20)), 3), seed=3)
    batch = collate(replies, range(5), policy.device)
    use_adapter(policy.model, POLICY)
    with torch.no_grad():
        logprobs, entropies = response_logprobs(policy, batch, temperature)
    torch.testing.assert_close(kept_rows(replies, "logprobs", batch.mask), logprobs, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(kept_rows(replies, "entropies", batch.mask), entropies, rtol=1e-4, atol=1e-5)
    assert all(reply.values is None for reply in replies)


def test_draw_inverts_the_cumulative_distribution() -> None:
    """Probabilities 0.5, 0, 0.3, 0.2: the steps of the cumulative distribution are at 0.5, 0.5, 0.8 and 1."""
    logits = torch.tensor([0.5, 0.0, 0.3, 0.2]).log().expand(6, 4)
    uniforms = torch.tensor([0.0, 0.499, 0.501, 0.799, 0.801, 1 - 2**-53], dtype=torch.float64)
    tokens, logprobs, entropies = draw(logits, uniforms, 1.0)
    assert tokens.tolist() == [0, 0, 2, 2, 3, 3]
    assert logprobs.exp().tolist() == pytest.approx([0.5, 0.5, 0.3, 0.3, 0.2, 0.2])
    assert entropies.nan_to_num(1.0297).tolist() == pytest.approx([1.0297] * 6, abs=1e-4)


@pytest.mark.parametrize("training", [True, False])
def test_train_mode_is_left_as_found(policy: Roles, family: Family, training: bool) -> None:
    policy.model.train(training)
    DecodingLoop(policy).generate(queries_of(family.tokenizer(), 2), Sampling(2, 1.0, frozenset(), 2), seed=0)
    assert policy.model.training is training


def test_dropout_is_off_even_in_train_mode(family: Family) -> None:
    roles = family.roles()
    assert any(config.lora_dropout > 0 for config in roles.model.peft_config.values()), "the SFT adapter was trained with dropout"
    use_adapter(roles.model, POLICY)
    ids = torch.arange(20)[None, :]
    roles.model.train()
    with torch.no_grad():
        assert torch.equal(roles.hidden(ids), roles.hidden(ids))
