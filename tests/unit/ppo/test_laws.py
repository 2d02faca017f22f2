"""The laws of PPO on a shared base, each on a tiny model in fp32."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from components.ppo.advantages import generalized_advantages
from components.ppo.batches import MicroBatch, MiniBatch, collate, plan_micro_batches, response_mask
from components.ppo.config import PpoConfig
from components.ppo.rewards import HeadReward
from components.ppo.roles import POLICY, REFERENCE, REWARD, VALUE, Roles
from components.ppo.scoring import logprob_pass, response_logprobs, response_values, value_pass
from components.ppo.trainer import PpoTrainer
from components.ppo.update import (
    Experience,
    Place,
    accumulate_policy_gradients,
    accumulate_ptx_gradients,
    accumulate_value_gradients,
    first_values,
    new_optimizer,
    step,
)
from components.shared.errors import ContractError
from components.shared.modeling import adapter_parameters, use_adapter
from components.shared.reward_model import sequence_scores
from tests.unit.ppo.family import Family, Silent, made_up_replies, prompts_of, settings_of, shake

Trainers = Callable[..., PpoTrainer]
LATER = Place(first=False, train_policy=True, entropy_coef=0.5)


def collated(roles: Roles, max_tokens: int = 10_000, **padding: int) -> list[MicroBatch]:
    replies = made_up_replies(roles.projection.weight.shape[0])
    plan = plan_micro_batches([len(reply) for reply in replies], range(len(replies)), max_tokens)
    return [collate(replies, rows, roles.device, **padding) for rows in plan]


def mini_batch(roles: Roles, max_tokens: int = 10_000, **padding: int) -> MiniBatch:
    batches = collated(roles, max_tokens, **padding)
    return MiniBatch(batches, float(sum(int(batch.mask.sum()) for batch in batches)))


def passes(roles: Roles, batches: Sequence[MicroBatch], temperature: float = 1.0) -> dict[str, torch.Tensor]:
    """Everything that forward passes tell of the made-up replies."""
    replies = made_up_replies(roles.projection.weight.shape[0])
    shape = (len(replies), batches[0].mask.shape[1])
    old, entropies, _ = logprob_pass(roles, POLICY, batches, shape, temperature)
    ref, _, _ = logprob_pass(roles, REFERENCE, batches, shape, temperature)
    scores = HeadReward(roles, roles.members, 0.0).judge(replies, batches).scores
    return {"old": old, "entropies": entropies, "ref": ref, "values": value_pass(roles, batches, shape), "scores": scores}


def made_up_experience(roles: Roles) -> Experience:
    """Targets that leave every term of the loss at work: neither the ratio is 1 nor are values at their returns."""
    mask = response_mask(made_up_replies(roles.projection.weight.shape[0]), roles.device)
    scored = passes(roles, collated(roles))
    generator = torch.Generator().manual_seed(4)

    def noise(scale: float) -> torch.Tensor:
        return scale * torch.randn(mask.shape, generator=generator) * mask

    old, values = scored["old"] + noise(0.1), scored["values"] + noise(0.3)
    return Experience(old, False, values, noise(1.0), scored["values"] + noise(1.0))


def gradients(parameters: Sequence[torch.nn.Parameter]) -> torch.Tensor:
    assert all(parameter.grad is not None for parameter in parameters)
    return torch.cat([parameter.grad.flatten() for parameter in parameters if parameter.grad is not None]).clone()


def digest(roles: Roles, adapter: str | None) -> str:
    """Sha256 of an adapter's weights, or of the base's."""
    named = adapter_parameters(roles.model, adapter) if adapter else roles.model.named_parameters()
    chosen = [parameter for key, parameter in named if adapter or "lora_" not in key]
    assert chosen
    return hashlib.sha256(b"".join(parameter.detach().numpy().tobytes() for parameter in chosen)).hexdigest()


@pytest.mark.parametrize("value_mode", ["adapter", "shared_trunk"])
@pytest.mark.parametrize("source", ["rollout", "recompute"])
@pytest.mark.parametrize("max_tokens", [4096, 250])
def test_ratio_is_exactly_one_on_the_first_mini_batch_of_every_rollout(
    trainer: Trainers, max_tokens: int, source: str, value_mode: str
) -> None:
    run = trainer(max_tokens_per_micro_batch=max_tokens, old_logprobs=source, value_mode=value_mode)
    run.train(Silent())
    assert [row["val/first_approxkl"] for row in run.history] == [0.0] * 3
    assert [row["val/first_ratio"] for row in run.history] == pytest.approx([1.0] * 3, abs=2e-7)  # a mean of ones, summed in shares
    assert all(row.get("val/rollout_gap", 0.0) < 1e-5 for row in run.history)
    assert ("val/rollout_gap" in run.history[0]) == (source == "rollout")
    assert all(row["policy/approxkl"] > 1e-5 for row in run.history), "later mini-batches must have moved"
    assert run.history[1]["objective/kl"] != 0.0, "the policy must have left the reference"


def test_the_training_forward_repeats_the_scoring_forward_bit_by_bit(family: Family) -> None:
    roles = family.roles()
    batches = collated(roles, max_tokens=40)
    assert len(batches) > 2
    scored = passes(roles, batches, 0.8)
    with roles.speaking(POLICY, trainable=True):
        for batch in batches:
            logprobs, _ = response_logprobs(roles, batch, 0.8)
            assert logprobs.requires_grad
            assert torch.equal(logprobs.detach(), scored["old"][batch.rows])


@pytest.mark.parametrize("max_tokens", [4096, 110])
def test_optimizer_steps_are_epochs_times_mini_batches(trainer: Trainers, max_tokens: int) -> None:
    run = trainer(max_tokens_per_micro_batch=max_tokens)
    run.train(Silent())
    assert [row["update/optimizer_steps"] for row in run.history] == [2 * 2] * 3
    assert {int(state["step"]) for state in run.optimizer.state.values()} == {3 * 2 * 2}
    assert len(run.optimizer.state) == len(run.roles.policy_parameters()) + len(run.roles.value_parameters())


@pytest.mark.parametrize("max_tokens", [1, 40])
def test_gradients_do_not_depend_on_micro_batches(family: Family, max_tokens: int) -> None:
    settings = settings_of(entropy_coef=0.5, ptx_coef=0.7)

    def composite(cut: int) -> tuple[torch.Tensor, torch.Tensor]:
        roles = family.roles()
        experience, part = made_up_experience(roles), mini_batch(roles, cut)
        human = prompts_of(family.tokenizer(), settings).human
        assert human is not None
        few = settings.model_copy(update={"max_tokens_per_micro_batch": cut})
        accumulate_policy_gradients(roles, part, experience, settings, LATER)
        accumulate_ptx_gradients(roles, human.draw(4), 100.0, few)
        accumulate_value_gradients(roles, part, experience, settings)
        return gradients(roles.policy_parameters()), gradients(roles.value_parameters())

    for whole, parts in zip(composite(100_000), composite(max_tokens), strict=True):
        assert float(whole.norm()) > 1e-2
        torch.testing.assert_close(parts, whole, rtol=1e-4, atol=1e-6)


def test_gradient_norm_is_limited_for_policy_and_value_each(family: Family) -> None:
    roles = family.roles()
    settings = settings_of(max_grad_norm=1e-3)
    optimizer = new_optimizer(roles, settings)
    seen: dict[str, torch.Tensor] = {}
    optimizer.step = lambda: seen.update(policy=gradients(roles.policy_parameters()), value=gradients(roles.value_parameters()))  # type: ignore[method-assign]
    statistics = step(roles, optimizer, mini_batch(roles), made_up_experience(roles), [], settings, LATER)
    assert statistics is not None
    for name in ("policy", "value"):
        assert statistics[f"{name}/grad_norm"] > 1e-2
        assert float(seen[name].norm()) == pytest.approx(1e-3, rel=1e-3)


def test_one_step_holds_the_whole_objective(family: Family) -> None:
    """The step's policy gradient is the sum of its terms', and switching adapters for the value has not touched it."""
    settings = settings_of(entropy_coef=0.5, ptx_coef=0.7, max_grad_norm=1e9, vf_coef=0.3)

    def parts(terms: str) -> tuple[torch.Tensor, torch.Tensor]:
        roles = family.roles()
        human = prompts_of(family.tokenizer(), settings).human
        assert human is not None
        experience, drawn = made_up_experience(roles), human.draw(3)
        if terms == "all":
            optimizer, seen = new_optimizer(roles, settings), []
            optimizer.step = lambda: seen.extend((gradients(roles.policy_parameters()), gradients(roles.value_parameters())))  # type: ignore[method-assign]
            step(roles, optimizer, mini_batch(roles), experience, drawn, settings, LATER)
            return seen[0], seen[1]
        if terms == "policy":
            accumulate_policy_gradients(roles, mini_batch(roles), experience, settings, LATER)
            return gradients(roles.policy_parameters()), torch.zeros(1)
        use_adapter(roles.model, POLICY, trainable=True)
        accumulate_ptx_gradients(roles, drawn, float(sum(sum(row.assistant_mask[1:]) for row in drawn)), settings)
        policy = gradients(roles.policy_parameters())
        accumulate_value_gradients(roles, mini_batch(roles), experience, settings)
        return policy, gradients(roles.value_parameters())

    whole, policy, rest = parts("all"), parts("policy"), parts("ptx and value")
    assert min(float(policy[0].norm()), float(rest[0].norm()), float(rest[1].norm())) > 1e-2
    torch.testing.assert_close(whole[0], policy[0] + rest[0], rtol=1e-4, atol=1e-7)
    torch.testing.assert_close(whole[1], rest[1])


def test_ptx_gradient_is_that_of_transformers_own_cross_entropy(family: Family) -> None:
    settings = settings_of(ptx_coef=0.7)
    human = prompts_of(family.tokenizer(), settings).human
    assert human is not None
    drawn = human.draw(1)
    roles = family.roles()
    use_adapter(roles.model, POLICY, trainable=True)
    statistics = accumulate_ptx_gradients(roles, drawn, float(sum(drawn[0].assistant_mask[1:])), settings)
    ours = gradients(roles.policy_parameters())
    other = family.roles()
    use_adapter(other.model, POLICY, trainable=True)
    labels = [token if used else -100 for token, used in zip(drawn[0].input_ids, drawn[0].assistant_mask, strict=True)]
    loss = other.model(input_ids=torch.tensor([drawn[0].input_ids]), labels=torch.tensor([labels])).loss
    (0.7 * loss).backward()
    assert float(statistics["loss/ptx"]) == pytest.approx(float(loss), rel=1e-5)
    torch.testing.assert_close(ours, gradients(other.policy_parameters()), rtol=1e-3, atol=1e-6)


def test_entropy_bonus_alone_raises_the_entropy(family: Family) -> None:
    roles = family.roles()
    settings = settings_of(learning_rate=1e-2)
    made_up = made_up_experience(roles)
    flat = replace(made_up, advantages=torch.zeros_like(made_up.advantages))
    optimizer = new_optimizer(roles, settings)
    place = replace(LATER, entropy_coef=1.0)
    seen = [step(roles, optimizer, mini_batch(roles), flat, [], settings, place) for _ in range(4)]
    entropies = [row["policy/entropy"] for row in seen if row]
    assert entropies == sorted(entropies)
    assert entropies[-1] > entropies[0] + 1e-3


@pytest.mark.parametrize(("extra", "pad_is_eos"), [(1, False), (9, False), (9, True)])
def test_padding_changes_nothing(family: Family, extra: int, pad_is_eos: bool) -> None:
    """Neither its amount nor its token, not even when padding looks like an end-of-turn token that is part of the reply."""
    settings = settings_of(entropy_coef=0.5)
    pad_id = int(family.tokenizer().eos_token_id) if pad_is_eos else 17

    def everything(**padding: int) -> list[torch.Tensor]:
        roles = family.roles()
        part, experience = mini_batch(roles, **padding), made_up_experience(roles)
        scored = passes(roles, part.batches)
        accumulate_policy_gradients(roles, part, experience, settings, LATER)
        accumulate_value_gradients(roles, part, experience, settings)
        return [*scored.values(), gradients(roles.policy_parameters()), gradients(roles.value_parameters())]

    for plain, padded in zip(everything(), everything(pad_id=pad_id, extra_padding=extra), strict=True):
        torch.testing.assert_close(padded, plain, rtol=1e-4, atol=2e-6)


def test_padding_side_changes_nothing(family: Family) -> None:
    """Log-probabilities of right-padded rows equal those of transformers' forward on left-padded ones with mask and positions."""
    roles = family.roles()
    replies = made_up_replies(roles.projection.weight.shape[0])
    (batch,) = collated(roles)
    use_adapter(roles.model, POLICY)
    with torch.no_grad():
        ours, _ = response_logprobs(roles, batch, 1.0)
    width = max(map(len, replies))
    ids = [reply.query_ids + reply.response_ids for reply in replies]
    left = torch.tensor([[9] * (width - len(row)) + row for row in ids])
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in ids])
    with torch.no_grad():
        logits = roles.model(input_ids=left, attention_mask=mask, position_ids=(mask.cumsum(1) - 1).clamp(min=0)).logits
    logs = torch.log_softmax(logits, -1)
    places = {int(row): place for place, row in enumerate(batch.rows)}
    for row, reply in enumerate(replies):
        count = len(reply.response_ids)
        expected = torch.stack([logs[row, width - count + k - 1, token] for k, token in enumerate(reply.response_ids)])
        torch.testing.assert_close(ours[places[row], :count], expected, rtol=1e-4, atol=1e-5)
        assert torch.equal(ours[places[row], count:], torch.zeros(ours.shape[1] - count))


def test_base_sft_and_reward_are_untouched_and_policy_and_value_are_not(trainer: Trainers) -> None:
    run = trainer()
    assert digest(run.roles, POLICY) == digest(run.roles, REFERENCE)
    before = {name: digest(run.roles, name) for name in (None, REFERENCE, REWARD, POLICY, VALUE)}
    head = run.roles.reward_head.linear.weight.clone()
    run.train(Silent())
    changed = {name for name, value in before.items() if digest(run.roles, name) != value}
    assert changed == {POLICY, VALUE}
    assert torch.equal(run.roles.reward_head.linear.weight, head)


def test_reward_on_the_shared_base_is_the_reward_models_own_score(family: Family) -> None:
    roles = family.roles()
    replies = made_up_replies(roles.projection.weight.shape[0])
    (batch,) = collated(roles, extra_padding=5)
    use_adapter(roles.model, REWARD)
    with torch.no_grad():
        ours = roles.reward_head(roles.states(batch.input_ids, batch.last))
        for place, row in enumerate(batch.rows.tolist()):
            ids = torch.tensor([replies[row].query_ids + replies[row].response_ids])
            own = sequence_scores(roles.model, roles.reward_head, ids, torch.tensor([ids.shape[1]]))
            assert float(ours[place]) == pytest.approx(float(own), abs=1e-5)


def test_the_value_starts_as_the_normalised_reward(family: Family) -> None:
    roles = family.roles()
    (batch,) = collated(roles)
    with torch.no_grad():
        use_adapter(roles.model, REWARD)
        scores = roles.reward_head(roles.states(batch.input_ids, batch.last))
        use_adapter(roles.model, VALUE)
        values = roles.value_head(roles.states(batch.input_ids, batch.last))
    torch.testing.assert_close(values, (scores - 0.3) / 1.7, rtol=1e-4, atol=1e-5)


def test_value_adapter_and_head_are_saved_and_restored(trainer: Trainers, tmp_path: Path) -> None:
    first = trainer(directory=tmp_path)
    shake(first.roles.model, VALUE, 0.1)
    with torch.no_grad():
        first.roles.value_head.linear.weight.add_(0.5)
    first.save()
    second = trainer(directory=tmp_path)
    assert digest(second.roles, VALUE) == digest(first.roles, VALUE)
    assert torch.equal(second.roles.value_head.linear.weight, first.roles.value_head.linear.weight)
    (batch,) = collated(first.roles)
    for run in (first, second):
        use_adapter(run.roles.model, VALUE)
    with torch.no_grad():
        assert torch.equal(response_values(first.roles, batch), response_values(second.roles, batch))


def test_the_first_value_pass_gives_values_and_gradients_of_separate_passes(family: Family) -> None:
    """Values as without gradients; gradients as those of the value term whose old values they are and whose returns come from GAE."""
    settings = settings_of(gamma=0.9, lam=0.8)
    one, two = family.roles(), family.roles()
    shape = (6, collated(one)[0].mask.shape[1])
    rewards = torch.randn(shape, generator=torch.Generator().manual_seed(1)) * collated(one)[0].mask.new_ones(shape)
    values = torch.zeros(shape)
    shares = first_values(one, mini_batch(one, 40), rewards, values, settings)
    separate = value_pass(two, collated(two, 40), shape)
    assert torch.equal(values, separate)
    mask = response_mask(made_up_replies(two.projection.weight.shape[0]), two.device)
    advantages, returns = generalized_advantages(rewards, separate, mask, 0.9, 0.8)
    own = accumulate_value_gradients(two, mini_batch(two, 40), Experience(separate, False, separate, advantages, returns), settings)
    torch.testing.assert_close(shares["loss/value"], own["loss/value"])
    assert float(gradients(one.value_parameters()).norm()) > 1e-2
    torch.testing.assert_close(gradients(one.value_parameters()), gradients(two.value_parameters()), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("max_tokens", [4096, 250])
def test_a_value_adapter_on_the_upper_layers_is_the_whole_one_with_lower_layers_of_the_reward(trainer: Trainers, max_tokens: int) -> None:
    """What it computes from kept states equals a pass of the value adapter through all layers, at the start and after training."""
    run = trainer(value_layers=1, max_tokens_per_micro_batch=max_tokens, ptx_coef=0.0)
    start = {name: digest(run.roles, name) for name in (None, POLICY, VALUE, REWARD, REFERENCE)}
    metrics = run.train_step()
    # Reference and reward; policy and half a value in each of two epochs, but for the first mini-batch's value; half a value before.
    # Later epochs cut other micro-batches, so their padding differs.
    assert metrics["update/forward_passes"] == pytest.approx(2 + 2 * 1.5 - 0.25 + 0.5, abs=0.4)
    rollout = run.score(run.sample(run.prompts.queries.draw(8), 5), torch.Generator().manual_seed(1))
    for batch in (batch for mini_batch in rollout.first_epoch for batch in mini_batch.batches):
        with torch.no_grad(), run.roles.speaking(VALUE):
            kept = run.roles.value_head(run.roles.value_states(batch))
            whole = run.roles.value_head(run.roles.states(batch.input_ids, batch.predicting))
        torch.testing.assert_close(kept, whole, rtol=1e-4, atol=1e-5)
    trained = {id(parameter) for parameter in run.roles.value_parameters()}
    lower = [(key, value) for key, value in adapter_parameters(run.roles.model, VALUE) if id(value) not in trained]
    reward = dict(adapter_parameters(run.roles.model, REWARD))
    assert lower
    assert all(torch.equal(value, reward[key.replace(".value.", ".reward.")]) for key, value in lower)
    assert {name for name in start if digest(run.roles, name) != start[name]} == {POLICY, VALUE}


def test_a_value_adapter_on_more_layers_than_there_are_is_refused(family: Family) -> None:
    with pytest.raises(ContractError, match=r"value_layers is 2, but the base has 2 layers"):
        family.roles(value_layers=2)


def test_a_head_on_the_policys_states_learns_and_does_not_move_the_trunk(trainer: Trainers) -> None:
    run = trainer(value_mode="shared_trunk", critic_warmup_steps=1, value_learning_rate=1e-2)
    assert VALUE not in run.roles.model.peft_config
    before = digest(run.roles, POLICY)
    first = run.train_step()
    assert digest(run.roles, POLICY) == before, "only the head may learn while the critic warms up"
    later = run.train_step()
    assert digest(run.roles, POLICY) != before
    assert 0 < later["loss/value"] != first["loss/value"]
    assert float(run.roles.value_head.outer.weight.abs().sum()) > 0


@pytest.mark.parametrize(
    ("stop_after", "more"),
    [
        (1, {"entropy_target": 3.0, "entropy_coef": 0.01, "reward_normalization": "running"}),
        (2, {"value_mode": "shared_trunk"}),
        (1, {"old_logprobs": "recompute"}),
        (2, {"value_layers": 1}),
    ],
)
def test_a_continued_run_equals_an_uninterrupted_one(trainer: Trainers, tmp_path: Path, stop_after: int, more: dict[str, object]) -> None:
    changes = {"kl_controller": "adaptive", "kl_horizon": 20, "kl_target": 0.1, **more}
    whole = trainer(**changes)
    whole.train(Silent())
    first = trainer(directory=tmp_path, **changes)
    for _ in range(stop_after):
        first.train_step()
    first.save()
    torch.manual_seed(12345)
    second = trainer(directory=tmp_path, **changes)
    assert second.steps_done == stop_after
    second.train(Silent())
    for name in (POLICY, VALUE) if "value_mode" not in more else (POLICY,):
        assert digest(second.roles, name) == digest(whole.roles, name)
    head, other = (run.roles.value_head.state_dict() for run in (second, whole))
    assert all(torch.equal(head[key], other[key]) for key in other)
    assert second.kl_controller.kl_coef == whole.kl_controller.kl_coef != 0.05
    assert second.entropy_controller == whole.entropy_controller
    assert (second.entropy_controller.entropy_coef != 0.01) == ("entropy_target" in more) or "entropy_coef" not in more
    assert second.shaper.state() == whole.shaper.state()
    assert second.best.keys() == whole.best.keys()
    assert all(torch.equal(second.best[key], whole.best[key]) for key in whole.best)
    assert second.evaluations[-1] == whole.evaluations[-1]
    assert [row["objective/scores"] for row in second.history] == [row["objective/scores"] for row in whole.history]


def test_target_kl_stops_before_the_step_that_would_follow(trainer: Trainers) -> None:
    run = trainer(target_kl=1e-6, learning_rate=0.05)
    metrics = run.train_step()
    assert metrics["update/optimizer_steps"] == 1
    assert metrics["update/stopped_by_target_kl"] == 1
    assert {int(state["step"]) for state in run.optimizer.state.values()} == {1}


def test_critic_warmup_trains_the_value_only(trainer: Trainers) -> None:
    run = trainer(critic_warmup_steps=1)
    before = digest(run.roles, POLICY), digest(run.roles, VALUE)
    run.train_step()
    assert digest(run.roles, POLICY) == before[0]
    assert digest(run.roles, VALUE) != before[1]
    run.train_step()
    assert digest(run.roles, POLICY) != before[0]


def test_micro_batches_keep_the_budget_and_every_row() -> None:
    lengths = [5, 9, 3, 9, 7, 1]
    groups = plan_micro_batches(lengths, [0, 1, 2, 3, 5], 18)
    assert groups == [[1, 3], [0, 2, 5]]
    assert plan_micro_batches(lengths, range(6), 1) == [[1], [3], [4], [0], [2], [5]]


def test_settings_reach_the_update(trainer: Trainers) -> None:
    """The temperature is part of the policy, in sampling, log-probabilities and entropy alike."""
    hot, cold = (trainer(temperature=temperature).train_step()["objective/entropy"] for temperature in (2.0, 0.25))
    assert hot > cold + 0.5
    assert isinstance(hot, float)
    assert PpoConfig().temperature == 1.0
