"""What is computed of a rollout batch before the update: four forward passes, none keeps logits of more than a few tokens (needs torch).

The passes run over given micro-batches. The trainer gives those of its first epoch, so that the policy's first forward pass there repeats
this one operation by operation and the ratio starts at exactly 1.
"""

from collections.abc import Sequence

import torch

from components.ppo.batches import MicroBatch, Scored
from components.ppo.logprobs import token_statistics
from components.ppo.roles import POLICY, REFERENCE, REWARD, VALUE, Roles
from components.shared.modeling import use_adapter


def response_logprobs(
    roles: Roles, batch: MicroBatch, temperature: float, *, entropy_gradient: bool = True
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return log-probabilities of the response tokens and entropies under the active adapter, zero on padding, shape (b, R) each."""
    states = batch.predicting(roles.hidden(batch.input_ids))
    logprobs, entropies = token_statistics(
        states, roles.projection, batch.targets, temperature=temperature, entropy_gradient=entropy_gradient
    )
    return batch.padded(logprobs), batch.padded(entropies)


def response_values(roles: Roles, batch: MicroBatch) -> torch.Tensor:
    """Return the value of the state before each response token; the value adapter is active. Zero on padding, shape (b, R)."""
    return batch.padded(roles.value_head(batch.predicting(roles.hidden(batch.input_ids))))


def sequence_rewards(roles: Roles, batch: MicroBatch) -> torch.Tensor:
    """Return the raw score of each sequence, at its last token; the reward adapter is active. Shape (b,)."""
    scores: torch.Tensor = roles.reward_head(batch.last(roles.hidden(batch.input_ids)))
    return scores


@torch.no_grad()
def score(roles: Roles, batches: Sequence[MicroBatch], temperature: float) -> Scored:
    """Run policy, reference, value and reward over the micro-batches of a rollout batch.

    Args:
        roles: the model; its active adapter is another one afterwards.
        batches: micro-batches that hold each row of the rollout batch once.
        temperature: of the policy's and the reference's distributions.
    """
    shape = (sum(len(batch.rows) for batch in batches), batches[0].mask.shape[1])
    device = roles.device
    scored = Scored(
        scores=torch.zeros(shape[0], device=device),
        old_logprobs=torch.zeros(shape, device=device),
        ref_logprobs=torch.zeros(shape, device=device),
        values=torch.zeros(shape, device=device),
        entropies=torch.zeros(shape, device=device),
    )
    use_adapter(roles.model, POLICY)
    for batch in batches:
        scored.old_logprobs[batch.rows], scored.entropies[batch.rows] = response_logprobs(roles, batch, temperature)
    use_adapter(roles.model, REFERENCE)
    for batch in batches:
        scored.ref_logprobs[batch.rows] = response_logprobs(roles, batch, temperature)[0]
    use_adapter(roles.model, VALUE)
    for batch in batches:
        scored.values[batch.rows] = response_values(roles, batch)
    use_adapter(roles.model, REWARD)
    for batch in batches:
        scored.scores[batch.rows] = sequence_rewards(roles, batch)
    return scored
