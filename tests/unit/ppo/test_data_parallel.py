"""The whole trainer in several gloo processes: the weights of one process on the joined batch, and exact resumption.

Tolerance: the only difference between one process and several is the order in which fp32 numbers are added (other micro-batches, other
paddings, then a sum over ranks). A gradient differs by about 1e-7 of its size; AdamW divides it by its own size, so a weight differs by
about that fraction of the learning rate per optimizer step, and by more where terms cancel. Measured: 1e-6 of the distance that training
moved the weights. The bound is ten times that, and far below what one lost row does (a test below says how far).
"""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from components.ppo.config import PpoConfig
from components.ppo.parallel import close, from_environment
from components.ppo.players import Players
from components.ppo.rewards import build_reward_source
from components.ppo.roles import POLICY, VALUE, Roles, load_roles
from components.ppo.rollout import DecodingLoop
from components.ppo.trainer import PpoTrainer, Report
from components.shared import checkpoints, shutdown
from components.shared.modeling import adapter_state
from tests.ranks import run_ranks
from tests.unit.ppo.family import Family, Silent, prompts_of, sampling_of, settings_of

SHORT = {"total_episodes": 24, "learning_rate": 1e-3, "value_learning_rate": 1e-3, "eval_steps": 3}
STOPPED_AFTER = 2
BOUND = 1e-5
"""Largest distance between one process and several, as a fraction of the distance that training moved the weights."""


def one_rank(folder: Path, family: str, changes: str, stop: str) -> None:
    """Run by each process: train to the end, or to where it is told to stop, and write the weights and the history.

    Args:
        folder: for checkpoints and results.
        family: folder of the models.
        changes: of the settings, JSON.
        stop: ``never``; ``asked``: rank 1 alone is asked to stop in its second step; ``killed``: every rank dies there.
    """
    shutdown.install()
    parallel = from_environment()
    base = Path(family)
    models = Family(base / "base", base / "sft", base / "reward")
    settings, tokenizer = settings_of(**{**SHORT, **json.loads(changes)}), models.tokenizer()
    checkpoints.seed_everything(settings.seed)  # as the stage does: a new value head is random
    roles = roles_of(models, settings)
    players = Players(roles, DecodingLoop(roles), build_reward_source(settings, roles, roles.members, tokenizer), parallel)
    trainer = PpoTrainer(players, settings, prompts_of(tokenizer, settings), sampling_of(tokenizer, settings), folder)
    start, resumed_at, take_step = weights_of(roles), trainer.steps_done, trainer.train_step

    def step_then_stop(report: Report | None = None) -> dict[str, float]:
        metrics = take_step(report)
        if trainer.steps_done == STOPPED_AFTER and stop == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if trainer.steps_done == STOPPED_AFTER and stop == "asked" and parallel.rank == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return metrics

    trainer.train_step = step_then_stop  # type: ignore[method-assign]
    trainer.train(Silent())
    history = [{name: value for name, value in row.items() if not name.startswith("timing/")} for row in trainer.history]
    scores = [evaluation.scores for evaluation in trainer.evaluations]
    result = {"weights": weights_of(roles), "start": start, "history": history, "scores": scores, "resumed at": resumed_at}
    torch.save(result, folder / f"result{parallel.rank}.pt")
    close(parallel)


def roles_of(models: Family, settings: PpoConfig) -> Roles:
    return load_roles(models.reference, models.sft, models.reward, value_mode=settings.value_mode)


def weights_of(roles: Roles) -> dict[str, torch.Tensor]:
    """Return a copy of everything that training moves."""
    weights = {f"policy.{key}": value for key, value in adapter_state(roles.model, POLICY).items()}
    if roles.value_mode == "adapter":
        weights |= {f"value.{key}": value for key, value in adapter_state(roles.model, VALUE).items()}
    return weights | {f"value head {place}": value.detach().clone() for place, value in enumerate(roles.value_head.parameters())}


def trained(folder: Path, family: Family, size: int, stop: str = "never", code: int = 0, **changes: Any) -> list[dict[str, Any]]:
    """Train in ``size`` processes and return what each of them got."""
    folder.mkdir(exist_ok=True)
    run_ranks(one_rank, size, folder, str(family.base.parent), json.dumps(changes), stop, code=code)
    return [] if code else [torch.load(folder / f"result{rank}.pt", weights_only=True) for rank in range(size)]


def difference(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> float:
    """Return the norm of the difference of two sets of weights."""
    assert first.keys() == second.keys()
    assert first
    return float(torch.cat([(first[key] - second[key]).flatten().double() for key in first]).norm())


@pytest.fixture(scope="module")
def two_ranks(tmp_path_factory: pytest.TempPathFactory, family: Family) -> list[dict[str, Any]]:
    """What an uninterrupted run of two processes gives each of them."""
    return trained(tmp_path_factory.mktemp("two"), family, 2)


def check_equal(alone: dict[str, Any], ranks: list[dict[str, Any]]) -> None:
    """Check several ranks against one process, and against each other bit for bit."""
    moved = difference(alone["start"], alone["weights"])
    assert moved > 0.01
    assert difference(alone["weights"], ranks[0]["weights"]) < BOUND * moved
    for rank in ranks:
        assert all(torch.equal(rank["weights"][key], value) for key, value in ranks[0]["weights"].items())
        assert rank["history"] == ranks[0]["history"]
        assert rank["scores"] == ranks[0]["scores"]
    for row, expected in zip(ranks[0]["history"], alone["history"], strict=True):
        padded = "update/forward_passes"  # counts padding, and shares are padded less
        assert {**row, padded: 0.0} == pytest.approx({**expected, padded: 0.0}, rel=1e-4, abs=1e-5)


def test_two_processes_end_with_the_weights_of_one(tmp_path: Path, family: Family, two_ranks: list[dict[str, Any]]) -> None:
    check_equal(trained(tmp_path, family, 1)[0], two_ranks)


@pytest.mark.parametrize(
    ("size", "changes"),
    [
        pytest.param(3, {"max_tokens_per_micro_batch": 250, "total_episodes": 16}, id="unequal shares"),
        pytest.param(2, {"mini_batch_size": 1, "total_episodes": 8, "ptx_batch_size": 1}, id="empty shares"),
        pytest.param(2, {"value_mode": "shared_trunk", "total_episodes": 16}, id="shared trunk"),
    ],
)
def test_so_do_several_whatever_their_shares(tmp_path: Path, family: Family, size: int, changes: dict[str, Any]) -> None:
    check_equal(trained(tmp_path / "alone", family, 1, **changes)[0], trained(tmp_path / "ranks", family, size, **changes))


def test_the_bound_notices_a_lost_row(tmp_path: Path, family: Family) -> None:
    """What the bound above must be able to see: training on seven of eight rows moves the weights far more than it allows."""
    alone = trained(tmp_path / "alone", family, 1, total_episodes=8, mini_batch_size=8)[0]
    fewer = trained(tmp_path / "fewer", family, 1, total_episodes=7, rollout_batch_size=7, mini_batch_size=7)[0]
    moved = difference(alone["start"], alone["weights"])
    assert difference(alone["weights"], fewer["weights"]) > 1000 * BOUND * moved


@pytest.mark.parametrize(("stop", "code"), [("asked", 143), ("killed", -signal.SIGKILL)])
def test_a_stopped_run_continues_to_the_same_weights(
    tmp_path: Path, family: Family, two_ranks: list[dict[str, Any]], stop: str, code: int
) -> None:
    trained(tmp_path, family, 2, stop=stop, code=code)
    continued = trained(tmp_path, family, 2)
    for rank, expected in zip(continued, two_ranks, strict=True):
        assert 0 < rank["resumed at"] <= STOPPED_AFTER
        assert rank["history"] == expected["history"]
        assert all(torch.equal(rank["weights"][key], value) for key, value in expected["weights"].items())
