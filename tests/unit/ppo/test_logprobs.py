"""Log-probabilities, entropies and their gradients against finite differences in double precision, worked out without torch."""

import numpy
import pytest
import torch

from components.ppo import logprobs
from components.ppo.logprobs import Projection, token_statistics

TEMPERATURE = 0.7
_random = numpy.random.default_rng(0)
HIDDEN, WEIGHT, BIAS = _random.normal(size=(5, 6)), _random.normal(size=(11, 6)), _random.normal(size=11)
TARGETS = numpy.array([3, 0, 10, 3, 7])


def oracle(hidden: numpy.ndarray, row: int) -> tuple[float, float]:
    """Log-probability and entropy of one token by the textbook formulas."""
    logits = (WEIGHT @ hidden + BIAS) / TEMPERATURE
    logs = logits - numpy.log(numpy.exp(logits - logits.max()).sum()) - logits.max()
    return float(logs[TARGETS[row]]), float(-(numpy.exp(logs) * logs).sum())


def slope(row: int, which: int) -> numpy.ndarray:
    """Central differences of the oracle."""
    step = 1e-5
    columns = numpy.eye(6) * step
    return numpy.array([(oracle(HIDDEN[row] + c, row)[which] - oracle(HIDDEN[row] - c, row)[which]) / (2 * step) for c in columns])


def computed(weights: tuple[float, float], entropy_gradient: bool = True) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    hidden = torch.tensor(HIDDEN, dtype=torch.float32, requires_grad=True)
    projection = Projection(torch.tensor(WEIGHT, dtype=torch.float32), torch.tensor(BIAS, dtype=torch.float32))
    logs, entropies = token_statistics(
        hidden, projection, torch.tensor(TARGETS), temperature=TEMPERATURE, entropy_gradient=entropy_gradient
    )
    (weights[0] * logs.sum() + (weights[1] * entropies.sum() if entropy_gradient else 0.0)).backward()
    return logs.detach(), entropies.detach(), hidden.grad


@pytest.mark.parametrize("tile", [2**24, 11, 33])
def test_values_do_not_depend_on_the_tiling(tile: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logprobs, "LOGITS_AT_ONCE", {"cpu": tile})
    logs, entropies, _ = computed((1.0, 1.0))
    expected = numpy.array([oracle(HIDDEN[row], row) for row in range(5)])
    numpy.testing.assert_allclose(logs.numpy(), expected[:, 0], rtol=1e-5)
    numpy.testing.assert_allclose(entropies.numpy(), expected[:, 1], rtol=1e-5)


@pytest.mark.parametrize("tile", [2**24, 11])
@pytest.mark.parametrize("which", [0, 1], ids=["logprob", "entropy"])
def test_gradients_equal_finite_differences(which: int, tile: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logprobs, "LOGITS_AT_ONCE", {"cpu": tile})
    _, _, gradient = computed((1.0, 0.0) if which == 0 else (0.0, 1.0))
    expected = numpy.stack([slope(row, which) for row in range(5)])
    assert gradient is not None
    numpy.testing.assert_allclose(gradient.numpy(), expected, rtol=2e-4, atol=1e-5)


def test_without_entropy_gradient_the_rest_is_the_same() -> None:
    logs, entropies, gradient = computed((1.0, 0.0))
    fewer = computed((1.0, 0.0), entropy_gradient=False)
    assert torch.equal(fewer[0], logs)
    assert torch.equal(fewer[1], entropies)
    torch.testing.assert_close(fewer[2], gradient)
