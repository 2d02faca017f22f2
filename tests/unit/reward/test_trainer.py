"""The reward model's scores and training steps on a tiny base, against what can be worked out without the trainer."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from components.reward.config import RewardConfig
from components.reward.pairs import EncodedPair, MarginRule, build
from components.reward.scoring import ADAPTER, check_reload, pad, score, score_pairs
from components.reward.trainer import RewardTrainer
from components.shared import checkpoints, modeling
from components.shared.base_model import BaseModelReference
from components.shared.errors import ContractError
from components.shared.lora import LoraSettings
from components.shared.reward_model import Normalisation, ScalarHead, load_reward_model, save_reward_model, sequence_scores
from tests.tiny_model import build_tiny_model, build_tokenizer, preference_pair, reference_of

SETTINGS: dict[str, Any] = {"batch_size": 3, "gradient_accumulation_steps": 2, "learning_rate": 1e-2, "head_learning_rate": 1e-2}


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> BaseModelReference:
    return reference_of(build_tiny_model(tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="module")
def rows() -> list[EncodedPair]:
    return build(build_tokenizer(), [preference_pair(index) for index in range(6)], 200, MarginRule(("empathy",), 0.5), "train").rows


def trainer_for(reference: BaseModelReference, rows: list[EncodedPair], **settings: Any) -> RewardTrainer:
    checkpoints.seed_everything(3)
    model = modeling.new_adapter(modeling.load_base(reference), ADAPTER, LoraSettings(r=4, alpha=8))
    modeling.use_adapter(model, ADAPTER, trainable=True)
    head = ScalarHead(model.get_base_model().config.hidden_size)
    return RewardTrainer(model, head, rows, rows, RewardConfig(**{**SETTINGS, **settings}))


def test_the_score_is_the_head_at_the_last_real_token(reference: BaseModelReference, rows: list[EncodedPair]) -> None:
    trainer = trainer_for(reference, rows)
    ids = rows[0].chosen_ids

    with torch.no_grad():
        states = trainer.model(torch.tensor([ids]), output_hidden_states=True).hidden_states[-1][0]
    linear = trainer.head.linear
    expected = float((states[len(ids) - 1] @ linear.weight[0] + linear.bias[0]).detach())

    assert score(trainer.model, trainer.head, [ids], 1) == pytest.approx([expected], abs=1e-5)


@pytest.mark.parametrize("fill", [0, 4, 17])
def test_padding_never_changes_a_score(reference: BaseModelReference, rows: list[EncodedPair], fill: int) -> None:
    """Whatever stands in the padding: the pad token, the end-of-turn token, any other."""
    trainer = trainer_for(reference, rows)
    ids, lengths = pad([rows[0].chosen_ids, rows[1].chosen_ids * 2], torch.device("cpu"))
    filled = ids.clone()
    filled[0, lengths[0] :] = fill

    with torch.no_grad():
        alone = sequence_scores(trainer.model, trainer.head, ids[:1, : lengths[0]], lengths[:1])
        padded = sequence_scores(trainer.model, trainer.head, filled, lengths)

    torch.testing.assert_close(padded[:1], alone, rtol=1e-4, atol=1e-5)


def test_scores_come_back_in_the_order_given(reference: BaseModelReference, rows: list[EncodedPair]) -> None:
    trainer = trainer_for(reference, rows)
    sequences = [row.chosen_ids for row in rows] + [row.rejected_ids for row in rows]

    together = score(trainer.model, trainer.head, sequences, 4)
    pairs = score_pairs(trainer.model, trainer.head, rows, 2)

    assert together == pytest.approx([score(trainer.model, trainer.head, [ids], 1)[0] for ids in sequences], abs=1e-5)
    assert [*pairs.chosen, *pairs.rejected] == pytest.approx(together, abs=1e-5)
    assert len({round(value, 4) for value in together}) > 4


def test_scoring_puts_the_mode_back(reference: BaseModelReference, rows: list[EncodedPair]) -> None:
    trainer = trainer_for(reference, rows)
    for training in (True, False):
        trainer.model.train(training)
        score(trainer.model, trainer.head, [rows[0].chosen_ids], 1)
        assert trainer.model.training is training


def gradients(trainer: RewardTrainer) -> dict[str, torch.Tensor]:
    """Gradients of one step over all pairs, before any clipping."""
    kept: dict[str, torch.Tensor] = {}

    def keep(*args: Any) -> None:
        for name, parameter in [*modeling.adapter_parameters(trainer.model, ADAPTER), *trainer.head.named_parameters()]:
            assert parameter.grad is not None, name
            kept[name] = parameter.grad.clone()

    trainer._optimizer.register_step_pre_hook(keep)
    trainer._optimize(trainer._rows_of_step())
    return kept


def test_accumulated_gradients_equal_those_of_one_batch(reference: BaseModelReference, rows: list[EncodedPair]) -> None:
    whole = gradients(trainer_for(reference, rows, batch_size=6, gradient_accumulation_steps=1, max_grad_norm=0))
    parts = gradients(trainer_for(reference, rows, batch_size=4, gradient_accumulation_steps=2, max_grad_norm=0))  # 4 and 2 pairs

    assert sum(float(gradient.norm()) for gradient in whole.values()) > 0.1
    for name, gradient in whole.items():
        torch.testing.assert_close(parts[name], gradient, rtol=1e-4, atol=1e-6, msg=name)


def test_a_step_logs_the_loss_that_its_scores_give(reference: BaseModelReference, rows: list[EncodedPair]) -> None:
    trainer = trainer_for(reference, rows, centring_coef=0.1)
    before = score_pairs(trainer.model, trainer.head, rows, 6)
    gaps = torch.tensor(before.chosen) - torch.tensor(before.rejected)
    margins = torch.tensor([row.margin for row in rows])
    sums = torch.tensor(before.chosen) + torch.tensor(before.rejected)

    values = trainer._optimize(trainer._rows_of_step())

    assert set(margins.tolist()) >= {0.5, 1.0}
    assert values["train/loss"] == pytest.approx(float((torch.log1p(torch.exp(margins - gaps)) + 0.1 * sums**2).mean()), rel=1e-5)
    assert values["train/accuracy"] == pytest.approx(float((gaps > 0).float().mean()))
    assert values["train/score_gap"] == pytest.approx(float(gaps.mean()), abs=1e-5)


def test_clipping_bounds_what_the_optimizer_sees(reference: BaseModelReference, rows: list[EncodedPair]) -> None:
    clipped = gradients(trainer_for(reference, rows, max_grad_norm=0.01))

    assert float(torch.cat([gradient.flatten() for gradient in clipped.values()]).norm()) == pytest.approx(0.01, rel=1e-3)


def test_rates_warm_up_and_follow_a_cosine(reference: BaseModelReference, rows: list[EncodedPair]) -> None:
    trainer = trainer_for(reference, rows, num_epochs=8, warmup_fraction=0.25, learning_rate=0.1, head_learning_rate=0.2)
    rates = []
    for _ in range(trainer.num_steps):
        rates.append(trainer._schedule.get_last_lr())
        trainer._optimizer.step()
        trainer._schedule.step()

    assert trainer.num_steps == 8
    assert [adapter for adapter, _ in rates[:3]] == pytest.approx([0.0, 0.05, 0.1])
    assert [adapter for adapter, _ in rates][5] == pytest.approx(0.05)  # half way from step 2 to 8
    assert [head for _, head in rates] == pytest.approx([2 * adapter for adapter, _ in rates])


def test_a_saved_reward_model_scores_the_same(reference: BaseModelReference, rows: list[EncodedPair], tmp_path: Path) -> None:
    trainer = trainer_for(reference, rows)
    trainer._optimize(trainer._rows_of_step())
    trainer._optimize(trainer._rows_of_step())
    sequences = [row.chosen_ids for row in rows]
    expected = score(trainer.model, trainer.head, sequences, len(sequences))
    save_reward_model(trainer.model, ADAPTER, trainer.head, Normalisation(0.5, 2.0), tmp_path)

    assert check_reload(reference, tmp_path, sequences, [[expected]]) <= 1e-5
    assert load_reward_model(modeling.load_base(reference), "other", tmp_path)[2] == Normalisation(0.5, 2.0)


@pytest.mark.parametrize("what", ["head", "adapter"])
def test_a_lost_head_or_adapter_is_noticed(reference: BaseModelReference, rows: list[EncodedPair], tmp_path: Path, what: str) -> None:
    trainer = trainer_for(reference, rows)
    for _ in range(3):
        trainer._optimize(trainer._rows_of_step())
    sequences = [row.chosen_ids for row in rows]
    expected = score(trainer.model, trainer.head, sequences, len(sequences))
    save_reward_model(trainer.model, ADAPTER, trainer.head, Normalisation(0.0, 1.0), tmp_path)
    path = tmp_path / ("head.safetensors" if what == "head" else modeling.WEIGHTS_FILE)
    save_file({key: torch.zeros_like(value) for key, value in load_file(path).items()}, path)

    with pytest.raises(ContractError, match="off the trained one"):
        check_reload(reference, tmp_path, sequences, [[expected]])
