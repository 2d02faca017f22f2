"""Clipping, summing and noise on a linear map, whose gradient for a row is the row itself."""

from collections.abc import Sequence

import pytest
import torch

from components.sft.unit_gradients import UnitGradients
from components.sft.units import Row
from components.shared.chat import Encoded
from components.shared.errors import ContractError

OPEN, LAST = (Row(Encoded([], []), 1.0, last=last) for last in (False, True))


class Map(torch.nn.Module):
    def __init__(self, width: int = 2) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(width, 1, bias=False)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.layer(rows.unsqueeze(1))


class Mixing(Map):
    """Gives each row to the layer twice, as an expert layer gives it tokens of several rows."""

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.layer(torch.cat([rows, rows]).unsqueeze(1))


def gradients(model: torch.nn.Module, *, noise: float = 0.0, norm: float = 1.0, divisor: float = 1.0) -> UnitGradients:
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    return UnitGradients(model, optimizer, noise_multiplier=noise, max_grad_norm=norm, divisor=divisor)


def step(model: Map, sums: UnitGradients, *passes: tuple[Sequence[Sequence[float]], Sequence[Row]], seed: int = 0) -> list[float]:
    sums.start()
    for values, rows in passes:
        model(torch.tensor(values)).sum().backward()
        sums.add(rows)
    sums.finish(seed)
    assert model.layer.weight.grad is not None
    return [float(value) for value in model.layer.weight.grad[0]]


def test_each_unit_is_clipped_alone_and_the_sum_divided() -> None:
    model = Map()
    sums = gradients(model, divisor=2.0)

    result = step(model, sums, ([[3.0, 4.0], [0.3, 0.4]], [LAST, LAST]))

    assert result == pytest.approx([(0.6 + 0.3) / 2, (0.8 + 0.4) / 2], rel=1e-5)  # norms 5, to be 1, and 0.5, which stays


@pytest.mark.parametrize(
    "passes",
    [
        [([[3.0, 0.0], [3.0, 0.0], [0.0, 8.0], [0.0, 0.5]], [OPEN, OPEN, LAST, LAST])],
        [([[3.0, 0.0], [3.0, 0.0]], [OPEN, OPEN]), ([[0.0, 8.0], [0.0, 0.5]], [LAST, LAST])],
        [([[0.0, 0.5], [3.0, 0.0]], [LAST, OPEN]), ([[3.0, 0.0]], [OPEN]), ([[0.0, 8.0]], [LAST])],
    ],
)
def test_rows_of_a_unit_are_one_gradient_however_they_fall_into_passes(passes: list[tuple[list[list[float]], list[Row]]]) -> None:
    model = Map()

    result = step(model, gradients(model), *passes)

    assert result == pytest.approx([0.6, 0.8 + 0.5], rel=1e-5)  # of [6, 8]; three clipped rows would be [2, 1 + 0.5]


@pytest.mark.parametrize("factor", [1e3, 1e18, 1e30, float("inf"), float("nan")])
def test_no_unit_moves_the_sum_by_more_than_the_norm(factor: float) -> None:
    model = Map()
    sums = gradients(model, norm=0.25)
    others = [[0.03, -0.04], [5.0, 1.0]]

    without = step(model, sums, (others, [LAST, LAST]))
    with_it = step(model, sums, ([*others, [3 * factor, 4 * factor]], [LAST, LAST, LAST]))

    moved = ((with_it[0] - without[0]) ** 2 + (with_it[1] - without[1]) ** 2) ** 0.5
    assert moved <= 0.25 * (1 + 1e-5)
    if factor == 1e3:
        assert moved == pytest.approx(0.25, rel=1e-5)


def test_noise_has_the_promised_size_and_follows_its_seed() -> None:
    model = Map(40_000)
    sums = gradients(model, noise=2.0, norm=0.5, divisor=4.0)

    first, again, other = (torch.tensor(step(model, sums, seed=seed)) for seed in (1, 1, 2))

    assert float(first.std()) == pytest.approx(2.0 * 0.5 / 4.0, rel=0.02)  # five standard errors of 1 / sqrt(2 n)
    assert abs(float(first.mean())) < 5 * 0.25 / 200
    assert torch.equal(first, again)
    assert abs(float(torch.corrcoef(torch.stack([first, other]))[0, 1])) < 5 / 200


def test_a_step_without_units_is_noise_alone_and_is_accounted() -> None:
    model = Map()
    sums = gradients(model, noise=1.0)
    steps = []
    sums.mechanism.attach_step_hook(steps.append)

    assert all(value != 0.0 for value in step(model, sums))
    assert len(steps) == 1


def test_a_model_that_mixes_rows_is_refused() -> None:
    model = Mixing()

    with pytest.raises(ContractError, match="no gradient for each row"):
        step(model, gradients(model), ([[1.0, 2.0]], [LAST]))


def test_an_optimizer_of_other_parameters_is_refused() -> None:
    stale = Map()

    with pytest.raises(ContractError, match="opacus#820"):
        UnitGradients(Map(), torch.optim.SGD(stale.parameters(), lr=1.0), noise_multiplier=1.0, max_grad_norm=1.0, divisor=1.0)
