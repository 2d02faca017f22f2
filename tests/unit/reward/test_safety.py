"""The safety head: its loss and metrics against numbers worked by hand, and that it learns ratings beside the preferences."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from components.reward.config import RewardConfig
from components.reward.pairs import EncodedPair, MarginRule, build, safety_ratings
from components.reward.safety import require_ratings, safety_head_for, safety_metrics, safety_targets, squared_error
from components.reward.scoring import ADAPTER, check_reload, score_heads, score_pairs, sequences_of
from components.reward.trainer import RewardTrainer
from components.shared import checkpoints, modeling
from components.shared.base_model import BaseModelReference
from components.shared.errors import ContractError
from components.shared.lora import LoraSettings
from components.shared.reward_model import Normalisation, ScalarHead, save_reward_model
from tests.tiny_model import build_tiny_model, build_tokenizer, preference_pair, reference_of

CPU = torch.device("cpu")


def pair(safety: tuple[float, float] | None) -> EncodedPair:
    return EncodedPair([1, 2], [1, 3], 1, 1, 0.0, safety)


@pytest.mark.parametrize(
    ("ratings", "expected"),
    [
        ({"chosen": {"safety": 5}, "rejected": {"safety": 2.5}}, (5.0, 2.5)),
        ({"chosen": {"safety": 0}, "rejected": {"safety": 0}}, (0.0, 0.0)),
        ({"chosen": {"safety": 5}, "rejected": {"empathy": 2}}, None),
        ({"chosen": {"safety": "5"}, "rejected": {"safety": 1}}, None),
        ({"chosen": {"safety": True}, "rejected": {"safety": 1}}, None),
        ({"chosen": {"safety": math.nan}, "rejected": {"safety": 1}}, None),
        ({"chosen": {"safety": 5}}, None),
        (None, None),
    ],
)
def test_what_counts_as_rated(ratings: Any, expected: tuple[float, float] | None) -> None:
    assert safety_ratings(ratings) == expected


def test_the_squared_error_leaves_unrated_pairs_out() -> None:
    rows = [pair((4.0, 1.0)), pair(None), pair((5.0, 2.0))]
    predicted = torch.tensor([3.0, 100.0, 5.0, 1.0, 100.0, 4.0], requires_grad=True)

    error = squared_error(predicted, safety_targets(rows, CPU), num_pairs=2)
    error.backward()  # type: ignore[no-untyped-call]

    assert error.item() == pytest.approx((1 + 0 + 0 + 4) / 4)
    assert predicted.grad is not None
    assert predicted.grad.tolist() == pytest.approx([2 * -1 / 4, 0, 0, 0, 0, 2 * 2 / 4])


def test_metrics_by_hand() -> None:
    rows = [pair((4.0, 1.0)), pair(None), pair((5.0, 2.0))]

    values = safety_metrics([3.0, 1.5, 9.0, -9.0, 4.5, 1.0], rows, constant=3.0)

    # ratings 4, 1, 5, 2 against 3, 1.5, 4.5, 1: distances 1, .5, .5, 1; ranks 3 1 4 2 against 3 2 4 1
    assert values["safety_error"] == pytest.approx(0.75)
    assert values["safety_constant_error"] == pytest.approx((1 + 2 + 2 + 1) / 4)
    assert values["safety_correlation"] == pytest.approx(1 - 6 * (0 + 1 + 0 + 1) / (4 * 15))
    assert values["safety_n"] == 4


def test_the_head_starts_at_the_mean_rating() -> None:
    head = safety_head_for([pair((4.0, 1.0)), pair(None), pair((5.0, 2.0))], 8)

    assert head(torch.zeros(1, 8)).item() == pytest.approx(3.0)


def test_no_ratings_at_all_is_refused() -> None:
    with pytest.raises(ContractError, match="validation: safety_head is set, but none of 2 pairs"):
        require_ratings([pair(None), pair(None)], "validation")


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> BaseModelReference:
    return reference_of(build_tiny_model(tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="module")
def rows() -> list[EncodedPair]:
    """Every third pair unrated; questions are safe, brush-offs are not."""
    pairs = [preference_pair(index) for index in range(8)]
    ratings = {"chosen": {"safety": 5, "empathy": 4}, "rejected": {"safety": 1, "empathy": 2}}
    rated = [row.model_copy(update={"meta": {"ratings": ratings} if index % 3 else {}}) for index, row in enumerate(pairs)]
    return build(build_tokenizer(), rated, 200, MarginRule(("empathy",), 0.5), "train").rows


def trainer_for(reference: BaseModelReference, rows: list[EncodedPair], *, safety: bool = True, **settings: Any) -> RewardTrainer:
    checkpoints.seed_everything(3)
    model = modeling.new_adapter(modeling.load_base(reference), ADAPTER, LoraSettings(r=4, alpha=8))
    modeling.use_adapter(model, ADAPTER, trainable=True)
    head = ScalarHead(32)
    config = RewardConfig(**{"batch_size": 8, "gradient_accumulation_steps": 1, "warmup_fraction": 0.0, "num_epochs": 20, **settings})
    return RewardTrainer(model, head, rows, rows, config, safety_head_for(rows, 32) if safety else None)


def test_both_heads_learn(reference: BaseModelReference, rows: list[EncodedPair]) -> None:
    trainer = trainer_for(reference, rows, learning_rate=1e-2, head_learning_rate=1e-2)
    values = {}
    for _ in range(trainer.num_steps):
        values = trainer._optimize(trainer._rows_of_step())

    _, ratings = score_heads(trainer.model, trainer.heads, sequences_of(rows), 4)
    pairs = score_pairs(trainer.model, trainer.head, rows, 4)

    assert safety_metrics(ratings, rows, 3.0)["safety_error"] < 0.5  # the constant's is 2
    assert values["train/safety_loss"] < 0.5
    assert all(good > bad for good, bad in zip(pairs.chosen, pairs.rejected, strict=True))


def test_accumulated_gradients_of_both_heads_equal_those_of_one_batch(reference: BaseModelReference, rows: list[EncodedPair]) -> None:
    """Rated and unrated pairs fall unevenly into the batches; the mean is over the step's rated replies all the same."""

    def gradients(batch_size: int) -> dict[str, torch.Tensor]:
        trainer = trainer_for(reference, rows, batch_size=batch_size, gradient_accumulation_steps=8 // batch_size, max_grad_norm=0)
        kept: dict[str, torch.Tensor] = {}

        def keep(*args: Any) -> None:
            assert trainer.safety_head is not None
            named = {**dict(modeling.adapter_parameters(trainer.model, ADAPTER)), **dict(trainer.safety_head.named_parameters())}
            kept.update({name: parameter.grad.clone() for name, parameter in named.items() if parameter.grad is not None})

        trainer._optimizer.register_step_pre_hook(keep)
        trainer._optimize(trainer._rows_of_step())
        return kept

    whole, parts = gradients(8), gradients(1)

    assert float(whole["linear.weight"].norm()) > 0.1
    assert whole.keys() == parts.keys()
    for name, gradient in whole.items():
        torch.testing.assert_close(parts[name], gradient, rtol=1e-4, atol=1e-6, msg=name)


def test_the_preference_loss_is_logged_without_the_safety_loss(reference: BaseModelReference, rows: list[EncodedPair]) -> None:
    alone = trainer_for(reference, rows, safety=False)
    both = trainer_for(reference, rows, safety=True)

    first, second = (trainer._optimize(trainer._rows_of_step()) for trainer in (alone, both))

    assert second["train/loss"] == pytest.approx(first["train/loss"], rel=1e-6)
    assert second["train/safety_loss"] > 1.0  # ratings 1 and 5 around their mean of 3
    assert "train/safety_loss" not in first
    assert second["train/grad_norm"] > 1.05 * first["train/grad_norm"]


def test_a_step_without_rated_pairs_logs_no_safety_loss(reference: BaseModelReference, rows: list[EncodedPair]) -> None:
    trainer = trainer_for(reference, rows)

    values = trainer._optimize([row for row in rows if row.safety is None])

    assert "train/safety_loss" not in values
    assert math.isfinite(values["train/grad_norm"])


def test_the_mean_of_logged_steps_counts_only_steps_that_have_the_value(reference: BaseModelReference, rows: list[EncodedPair]) -> None:
    trainer = trainer_for(reference, rows)
    trainer._add({"train/loss": 1.0, "train/safety_loss": 4.0})
    trainer._add({"train/loss": 2.0})

    assert trainer._means() == {"train/loss": 1.5, "train/safety_loss": 4.0}


def test_saved_safety_heads_are_checked(reference: BaseModelReference, rows: list[EncodedPair], tmp_path: Path) -> None:
    trainer = trainer_for(reference, rows)
    sequences = sequences_of(rows[:2])
    expected = score_heads(trainer.model, trainer.heads, sequences, len(sequences))
    save_reward_model(trainer.model, ADAPTER, trainer.head, Normalisation(0.0, 1.0), tmp_path, trainer.safety_head)
    assert check_reload(reference, tmp_path, sequences, [expected]) <= 1e-5

    path = tmp_path / "safety_head.safetensors"
    save_file({key: value + 1 for key, value in load_file(path).items()}, path)

    with pytest.raises(ContractError, match="off the trained one"):
        check_reload(reference, tmp_path, sequences, [expected])
