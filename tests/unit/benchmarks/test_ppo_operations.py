"""What the PPO benchmark counts is what runs: passes equal the plan, operations equal the formula."""

from pathlib import Path

import pytest

from tests.benchmarks import ppo_operations
from tests.benchmarks.ppo_family import write_family
from tests.benchmarks.ppo_operations import Shape
from tests.benchmarks.ppo_subject import counted, settings_of, trainer_of

SHAPE = Shape(hidden=64, layers=4, vocab=256, batch=8, prompt=24, response=16, epochs=2, rank=4)


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ppo-operations")
    write_family(folder, SHAPE)
    return folder


@pytest.mark.parametrize(
    ("changes", "share"),
    [({}, 1.0), ({"value_mode": "shared_trunk"}, 1.0), ({"value_layers": 2}, 0.5), ({"old_logprobs": "recompute"}, 1.0)],
)
def test_passes_are_the_plan_and_operations_the_formula(family: Path, changes: dict[str, object], share: float) -> None:
    settings = settings_of(SHAPE, 3, changes)
    seen = counted(trainer_of(family, SHAPE, settings), SHAPE, settings)
    assert seen["passes"] == pytest.approx(seen["plan"])
    needed = ppo_operations.update(SHAPE, settings.value_mode, share)
    # What runs and is not counted as needed: heads of one output, keys of padding in the last layer's attention, forming weights per pass.
    assert 0.98 * needed < seen["executed_update_operations"] < 1.12 * needed
    assert needed < ppo_operations.update_plain(SHAPE, settings.value_mode, share)


def test_the_operations_of_a_shape_by_hand() -> None:
    """One layer, H = 2, MLP 8, V = 4, one sequence of 1 + 1 tokens, rank 1: P = 4 * 4 + 3 * 16 = 64, S = 4 * 4 + 3 * 10 = 46, c = 3."""
    shape = Shape(hidden=2, layers=1, vocab=4, batch=1, prompt=1, response=1, epochs=1, rank=1, heads=1, kv_heads=1)
    assert (shape.weights, shape.widths, shape.pairs, shape.mlp) == (64, 46, 3, 8)
    assert ppo_operations.forward(shape) == 2 * 64 * 2 + 2 * 1 * 64 + 4 * 2 * 3
    assert ppo_operations.backward(shape) == (2 * 64 + 4 * 1 * 46) * 2 + 8 * 2 * 3
    assert ppo_operations.vocabulary(shape) == 2 * 2 * 4 * 1
