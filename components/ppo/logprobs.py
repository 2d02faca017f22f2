"""Log-probabilities and entropies of tokens from hidden states, without ever holding the logits of more than a few tokens (needs torch).

Legend: N tokens, H hidden size, V vocabulary. The vocabulary projection is frozen here, so a token's log-probability depends on its hidden
state alone and its gradient can be computed together with its value, while the probabilities are still at hand:

    log p(y) = z_y - logsumexp(z)         d log p(y) / dz_j = [j = y] - p_j
    H = -sum_j p_j log p_j                dH / dz_j = -p_j (log p_j + H)

with ``z = (h W^T + b) / temperature``. The backward pass is then two products of a vector with a stored (N, H) matrix; nothing of size V
is kept or computed twice.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

LOGITS_AT_ONCE = {"cpu": 2**20, "cuda": 2**26}
"""Numbers in one tile of logits, by device: 4 MB in fp32, which a CPU's cache holds, or 256 MB; four copies are alive at a time."""


@dataclass(frozen=True)
class Projection:
    """The frozen map from hidden states to logits.

    Attributes:
        weight: shape (V, H).
        bias: shape (V,), or None.
    """

    weight: torch.Tensor
    bias: torch.Tensor | None

    def logits(self, hidden: torch.Tensor, temperature: float = 1.0) -> torch.Tensor:
        """Return fp32 logits, shape (N, V), of hidden states, shape (N, H)."""
        logits = torch.nn.functional.linear(hidden, self.weight, self.bias).float()
        return logits if temperature == 1.0 else logits / temperature


def token_statistics(
    hidden: torch.Tensor,
    projection: Projection,
    targets: torch.Tensor,
    *,
    temperature: float = 1.0,
    entropy_gradient: bool = True,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return each target's log-probability and the entropy of the distribution that it was drawn from.

    Args:
        hidden: final hidden states at the positions that predict the targets, shape (N, H).
        projection: the model's frozen vocabulary projection.
        targets: token ids, shape (N,).
        temperature: divides the logits.
        entropy_gradient: whether the entropies carry a gradient; without it a third of the work is saved.

    Returns:
        Log-probabilities and entropies in nats, fp32, shape (N,) each; differentiable with respect to ``hidden``.
    """
    apply: Callable[..., tuple[torch.Tensor, torch.Tensor]] = _TokenStatistics.apply
    return apply(hidden, projection, targets, temperature, entropy_gradient)


class _TokenStatistics(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: torch.Tensor, projection: Projection, targets: torch.Tensor, temperature: float, entropy_gradient: bool
    ) -> tuple[torch.Tensor, torch.Tensor]:
        weight, count = projection.weight, hidden.shape[0]
        logprobs = hidden.new_empty(count, dtype=torch.float32)
        entropies = torch.empty_like(logprobs)
        wanted = ctx.needs_input_grad[0]
        logprob_slopes = torch.empty_like(hidden, dtype=torch.float32) if wanted else None
        entropy_slopes = torch.empty_like(hidden, dtype=torch.float32) if wanted and entropy_gradient else None
        tile = max(1, LOGITS_AT_ONCE.get(weight.device.type, 2**26) // weight.shape[0])
        for start in range(0, count, tile):
            part = slice(start, start + tile)
            logs = torch.log_softmax(projection.logits(hidden[part], temperature), dim=-1)
            logprobs[part] = logs.gather(1, targets[part, None]).squeeze(1)
            probabilities = logs.exp()
            entropies[part] = -(probabilities * logs).sum(-1)
            if logprob_slopes is not None:
                expected = probabilities.to(weight.dtype) @ weight
                logprob_slopes[part] = (weight[targets[part]].float() - expected.float()) / temperature
            if entropy_slopes is not None:
                slopes = probabilities.mul_(logs.add_(entropies[part, None])).neg_()
                entropy_slopes[part] = (slopes.to(weight.dtype) @ weight).float() / temperature
        ctx.dtype = hidden.dtype
        ctx.save_for_backward(*(slopes for slopes in (logprob_slopes, entropy_slopes) if slopes is not None))
        if not entropy_gradient:
            ctx.mark_non_differentiable(entropies)
        return logprobs, entropies

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None, None, None, None]:
        total = sum(gradient[:, None] * slopes for gradient, slopes in zip(gradients, ctx.saved_tensors, strict=False))
        assert isinstance(total, torch.Tensor)
        return total.to(ctx.dtype), None, None, None, None
