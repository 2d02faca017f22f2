"""A bandit whose every arm can be tried: replies of one token to one prompt. The expected score is computed over the whole vocabulary."""

from dataclasses import replace

import pytest
import torch

from components.ppo.prompts import Query
from components.ppo.roles import POLICY, REWARD, Roles
from components.shared.modeling import use_adapter
from tests.unit.ppo.family import Family, Silent, settings_of

BANDIT = {
    "rollout_batch_size": 64,
    "mini_batch_size": 32,
    "total_episodes": 64 * 40,
    "seed": 1,
    "max_completion_length": 1,
    "temperature": 0.2,
    "learning_rate": 5e-3,
    "value_learning_rate": 1e-2,
    "kl_coef": 0.0,
    "ptx_coef": 0.0,
    "missing_eos_penalty": 0.0,
    "num_ppo_epochs": 2,
    "eval_steps": 100,
    "save_steps": 100,
    "lr_scheduler_type": "constant",
}


@torch.no_grad()
def arms(roles: Roles, query: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Probability and score of every one-token reply."""
    vocabulary = roles.projection.weight.shape[0]
    use_adapter(roles.model, POLICY)
    probabilities = torch.softmax(roles.projection.logits(roles.hidden(torch.tensor([query]))[:, -1], BANDIT["temperature"]), -1)[0]
    use_adapter(roles.model, REWARD)
    ids = torch.tensor([[*query, token] for token in range(vocabulary)])
    return probabilities, roles.reward_head(roles.hidden(ids)[:, -1])


def solve(family: Family, entropy_coef: float) -> tuple[float, float, float, float]:
    """Train on the bandit; return expected score before and after, the best arm's score, and the entropy after."""
    settings = settings_of(**BANDIT, entropy_coef=entropy_coef)
    run = family.trainer(settings)
    query = Query("bandit", run.prompts.validation[0].input_ids[:4])
    run.prompts = replace(run.prompts, validation=[query, query])
    run.prompts.queries.draw = lambda count: [query] * count  # type: ignore[method-assign]
    start, scores = arms(run.roles, query.input_ids)
    run.train(Silent())
    end, _ = arms(run.roles, query.input_ids)
    entropy = float(torch.distributions.Categorical(end).entropy())
    return float(start @ scores), float(end @ scores), float(scores.max()), entropy


def test_without_the_entropy_bonus_the_policy_collapses_with_it_the_best_arm_is_found(family: Family) -> None:
    """At this seed the unaided policy is certain of an arm before it has tried the best one; the bonus keeps it trying."""
    before, collapsed, best, entropy = solve(family, entropy_coef=0.0)
    assert entropy < 0.3
    assert collapsed < before + 0.8 * (best - before)
    same_start, solved, _, _ = solve(family, entropy_coef=0.1)
    assert same_start == pytest.approx(before)
    assert solved > before + 0.95 * (best - before)


def test_a_large_entropy_bonus_keeps_the_policy_open(family: Family) -> None:
    before, after, best, entropy = solve(family, entropy_coef=0.3)
    assert entropy > 1.5
    assert after > before + 0.4 * (best - before)
