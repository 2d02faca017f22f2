"""What is computed of a rollout batch by forward passes before the update; none keeps logits of more than a few tokens (needs torch).

The passes run over the micro-batches of the first epoch, so that the policy's first forward pass there repeats this one operation by
operation and the ratio starts at exactly 1. Under data parallelism each process fills the rows of its own micro-batches, zero elsewhere.
"""

from collections.abc import Sequence

import torch

from components.ppo.batches import MicroBatch
from components.ppo.logprobs import token_statistics
from components.ppo.roles import VALUE, Roles


def response_logprobs(
    roles: Roles, batch: MicroBatch, temperature: float, *, entropy_gradient: bool = True
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return log-probabilities of the response tokens and entropies under the active adapter, zero on padding, shape (b, R) each."""
    return logprobs_of_states(roles, batch, roles.states(batch.input_ids, batch.predicting), temperature, entropy_gradient=entropy_gradient)


def logprobs_of_states(
    roles: Roles, batch: MicroBatch, states: torch.Tensor, temperature: float, *, entropy_gradient: bool = True
) -> tuple[torch.Tensor, torch.Tensor]:
    """As ``response_logprobs``, from the states that predict the response tokens, shape (n, H)."""
    logprobs, entropies = token_statistics(
        states, roles.projection, batch.targets, temperature=temperature, entropy_gradient=entropy_gradient
    )
    return batch.padded(logprobs), batch.padded(entropies)


def response_values(roles: Roles, batch: MicroBatch) -> torch.Tensor:
    """Return the value of the state before each response token; the value adapter is active. Zero on padding, shape (b, R)."""
    return batch.padded(roles.value_head(roles.value_states(batch)))


@torch.no_grad()
def logprob_pass(
    roles: Roles, adapter: str, batches: Sequence[MicroBatch], shape: tuple[int, int], temperature: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Run one adapter over micro-batches.

    Args:
        roles: the model; ``adapter`` is its active adapter afterwards.
        adapter: policy or reference.
        batches: of this process.
        shape: (B, R) of the rollout batch.
        temperature: of the distribution.

    Returns:
        Log-probabilities and entropies, and the values of the policy's states where the value head reads those (else zeros), (B, R) each.
    """
    logprobs, entropies, values = (torch.zeros(shape, device=roles.device) for _ in range(3))
    with roles.speaking(adapter):
        for batch in batches:
            states = roles.states(batch.input_ids, batch.predicting)
            logprobs[batch.rows], entropies[batch.rows] = logprobs_of_states(roles, batch, states, temperature)
            read = roles.values_of_policy_states(states)
            if read is not None:
                values[batch.rows] = batch.padded(read)
    return logprobs, entropies, values


@torch.no_grad()
def value_pass(roles: Roles, batches: Sequence[MicroBatch], shape: tuple[int, int]) -> torch.Tensor:
    """Run the value adapter over micro-batches and return the values, (B, R); it is the active adapter afterwards."""
    values = torch.zeros(shape, device=roles.device)
    with roles.speaking(VALUE):
        for batch in batches:
            values[batch.rows] = response_values(roles, batch)
    return values
