"""DP-SGD in the trainer against gradients made without Opacus and without the trainer, one window at a time."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from opacus.accountants import PRVAccountant

from components.sft.config import DifferentialPrivacy, SftConfig
from components.sft.dp_trainer import PrivateTrainer, build_private_trainer
from components.sft.examples import build, labels_of
from components.sft.movement import MovementCheck, largest_b
from components.sft.trainer import ADAPTER
from components.sft.unit_gradients import UnitGradients
from components.sft.units import Unit, group
from components.shared import checkpoints, modeling
from components.shared.errors import ContractError
from components.shared.lora import LoraSettings
from tests.tiny_model import build_tiny_model, conversation, reference_of

ROWS = [conversation(index, exchanges) for index, exchanges in enumerate([1, 9, 2, 1, 6, 2, 1, 3, 12])]
DELTA = 0.01
NORM = 0.05


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_model(tmp_path_factory.mktemp("model"))


def trainer_for(
    directory: Path, output: Path, rows: list[Any] = ROWS, *, noise: float = 1.0, lora: LoraSettings | None = None, **changed: Any
) -> PrivateTrainer:
    private = {"seed": 5, "target_delta": DELTA, "max_grad_norm": NORM, **changed.pop("dp", {})}
    dp = DifferentialPrivacy(enabled=True, noise_multiplier=noise or 1.0, **private)
    values = {"batch_size": 3, "gradient_accumulation_steps": 1, "max_length": 128, "learning_rate": 1e-2, **changed}
    settings = SftConfig(dp=dp, lora=lora or LoraSettings(r=4), **values)
    output.mkdir(parents=True, exist_ok=True)
    checkpoints.seed_everything(settings.seed)
    model = modeling.new_adapter(modeling.load_base(reference_of(directory)), ADAPTER, settings.lora)
    modeling.use_adapter(model, ADAPTER, trainable=True)
    for key, parameter in modeling.adapter_parameters(model, ADAPTER):
        if ".lora_B." in key and lora is None:
            torch.nn.init.normal_(parameter, std=0.05)  # at zero only B has gradients
    tokenizer = modeling.load_tokenizer(reference_of(directory))
    examples = build(tokenizer, rows, settings.max_length, "train")
    trainer = build_private_trainer(
        model, tokenizer, group(examples, dp.unit), examples.dataset(), examples.dataset(by_length=True), settings, output
    )
    if noise == 0:  # a setting refuses it; the mechanism's own arithmetic is looked at without
        trainer.create_optimizer()
        assert trainer._gradients is not None
        trainer._gradients.mechanism.noise_multiplier = 0.0
    return trainer


def adapter_of(trainer: PrivateTrainer) -> list[torch.nn.Parameter]:
    return [parameter for _, parameter in modeling.adapter_parameters(trainer.model, ADAPTER)]


def private_gradient(trainer: PrivateTrainer, units: list[Unit]) -> torch.Tensor:
    trainer.create_optimizer()
    trainer.training_step(trainer.model, units)
    return torch.cat([parameter.grad.flatten() for parameter in adapter_of(trainer) if parameter.grad is not None])


def unit_gradient(trainer: PrivateTrainer, unit: Unit) -> torch.Tensor:
    """Of the mean over the unit's assistant tokens, by plain autograd, each window alone."""
    total, count = torch.zeros(()), 0
    for window in unit.windows:
        logprobs = trainer.model(torch.tensor([window.input_ids])).logits[0].log_softmax(-1)
        for position, label in list(enumerate(labels_of(window)))[1:]:
            if label >= 0:
                total = total - logprobs[position - 1, label]
                count += 1
    return torch.cat([gradient.flatten() for gradient in torch.autograd.grad(total / count, adapter_of(trainer))])


def clipped(gradient: torch.Tensor, norm: float = NORM) -> torch.Tensor:
    return gradient * min(1.0, norm / float(gradient.norm()))


def test_without_noise_the_gradient_is_the_sum_of_clipped_ones_over_the_expected_number(directory: Path, tmp_path: Path) -> None:
    trainer = trainer_for(directory, tmp_path, noise=0)
    units = trainer._units
    each = [unit_gradient(trainer, unit) for unit in units]
    assert [len(unit.windows) > 1 for unit in units].count(True) >= 3
    assert min(float(gradient.norm()) for gradient in each) > NORM

    found = private_gradient(trainer, units)

    assert trainer.plan.expected_batch_size == 3.0  # 9 units, 3 steps an epoch
    torch.testing.assert_close(found, sum(clipped(gradient) for gradient in each) / 3.0, rtol=1e-3, atol=1e-6)


def test_small_gradients_stay_as_they_are(directory: Path, tmp_path: Path) -> None:
    trainer = trainer_for(directory, tmp_path, noise=0, dp={"max_grad_norm": 1e3})
    expected = sum(unit_gradient(trainer, unit) for unit in trainer._units) / 3.0

    torch.testing.assert_close(private_gradient(trainer, trainer._units), expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("rows", [1, 2, 5, 100])
def test_the_size_of_forward_passes_changes_nothing(directory: Path, tmp_path: Path, rows: int) -> None:
    first, second = (trainer_for(directory, tmp_path, noise=0, dp={"max_physical_batch_size": size}) for size in (3, rows))

    torch.testing.assert_close(private_gradient(first, first._units), private_gradient(second, second._units), rtol=1e-3, atol=1e-6)


def test_a_conversation_of_many_windows_moves_a_step_by_the_norm_and_no_more(directory: Path, tmp_path: Path) -> None:
    trainer = trainer_for(directory, tmp_path, noise=0)
    long = max(trainer._units, key=lambda unit: len(unit.windows))
    others = [unit for unit in trainer._units if unit is not long]
    alone = sum(clipped(unit_gradient(trainer, Unit([window]))) for window in long.windows)
    assert float(torch.as_tensor(alone).norm()) > 2 * NORM, "windows as samples would break the bound"

    moved = private_gradient(trainer, trainer._units) - private_gradient(trainer, others)

    assert float(moved.norm()) * 3.0 == pytest.approx(NORM, rel=1e-3)


def test_a_person_with_many_conversations_moves_a_step_by_the_norm_and_no_more(directory: Path, tmp_path: Path) -> None:
    rows = [row.model_copy(update={"person_id": "p" if index % 2 else f"q{index}"}) for index, row in enumerate(ROWS)]
    trainer = trainer_for(directory, tmp_path, rows, noise=0, dp={"unit": "person"})
    assert trainer.plan.num_units == 6
    person = max(trainer._units, key=lambda unit: len(unit.windows))
    others = [unit for unit in trainer._units if unit is not person]

    moved = private_gradient(trainer, trainer._units) - private_gradient(trainer, others)

    assert float(moved.norm()) * trainer.plan.expected_batch_size == pytest.approx(NORM, rel=1e-3)


def test_noise_is_added_once_a_step_and_differs_between_seeds(directory: Path, tmp_path: Path) -> None:
    plain = private_gradient(trainer := trainer_for(directory, tmp_path, noise=0), trainer._units)
    noisy = [private_gradient(trainer := trainer_for(directory, tmp_path, noise=3.0, dp={"seed": seed}), trainer._units) for seed in (1, 2)]

    noise = [gradient - plain for gradient in noisy]
    for one in noise:
        assert float(one.std()) == pytest.approx(3.0 * NORM / 3.0, rel=0.06)  # 2,496 numbers: four standard errors
    assert abs(float(torch.corrcoef(torch.stack(noise))[0, 1])) < 0.1


def test_training_takes_the_units_that_were_drawn(directory: Path, tmp_path: Path) -> None:
    trainer = trainer_for(directory, tmp_path, noise=0, num_epochs=2.0)
    trainer.args.eval_strategy = "no"  # without noise there is no epsilon to log
    seen: list[torch.Tensor] = []
    trainer.create_optimizer().register_step_pre_hook(
        lambda *_: seen.append(torch.cat([parameter.grad.flatten() for parameter in adapter_of(trainer) if parameter.grad is not None]))
    )
    trainer.get_train_dataloader()
    drawn = trainer.sampler.draw(0)  # type: ignore[attr-defined]
    assert drawn
    expected = sum(clipped(unit_gradient(trainer, trainer._units[index])) for index in drawn) / 3.0

    trainer.train()

    assert len(seen) == trainer.plan.num_steps == 6
    torch.testing.assert_close(seen[0], expected, rtol=1e-3, atol=1e-6)


def test_the_privacy_spent_is_the_accountants(directory: Path, tmp_path: Path) -> None:
    trainer = trainer_for(directory, tmp_path, noise=1.3, num_epochs=2.0)
    assert trainer.epsilon() == 0.0

    trainer.train()

    oracle = PRVAccountant()
    oracle.history = [(1.3, 1 / 3, 6)]
    spent = trainer.spent()
    assert spent["dp_epsilon"] == pytest.approx(oracle.get_epsilon(DELTA), rel=1e-9)
    assert (spent["dp_steps"], spent["dp_sample_rate"], spent["dp_noise_multiplier"]) == (6.0, 1 / 3, 1.3)
    assert (spent["dp_delta"], spent["dp_num_units"], spent["dp_max_grad_norm"]) == (DELTA, 9.0, NORM)
    parameters = sum(parameter.numel() for parameter in adapter_of(trainer))
    assert spent["dp_noise_to_signal"] == pytest.approx(1.3 * parameters**0.5 / 3.0)
    logged = [entry["dp_epsilon"] for entry in trainer.state.log_history if "dp_epsilon" in entry]
    assert len(logged) == 2
    assert logged[0] < logged[1] == spent["dp_epsilon"]


def test_nothing_exact_about_training_data_is_logged(directory: Path, tmp_path: Path) -> None:
    trainer = trainer_for(directory, tmp_path, num_epochs=2.0, logging_steps=1)
    trainer.train()

    steps = [entry for entry in trainer.state.log_history if "learning_rate" in entry]
    assert len(steps) == 6
    assert all(set(entry) == {"learning_rate", "grad_norm", "epoch", "step"} for entry in steps)


def test_training_with_little_noise_lowers_the_loss_and_moves_the_adapter_alone(directory: Path, tmp_path: Path) -> None:
    rows = [conversation(index, 1) for index in range(60)]
    lora = LoraSettings(r=4, dropout=0.1)
    trainer = trainer_for(directory, tmp_path, rows, noise=0.5, num_epochs=15.0, batch_size=30, lora=lora, dp={"accountant": "rdp"})
    frozen = {name: value.clone() for name, value in trainer.model.named_parameters() if not value.requires_grad}
    assert largest_b(trainer.model, ADAPTER) == 0.0
    before = trainer.evaluate()["eval_loss"]

    trainer.train()

    assert trainer.evaluate()["eval_loss"] < before - 0.5
    assert largest_b(trainer.model, ADAPTER) > 0.01
    assert all(torch.equal(value, frozen[name]) for name, value in trainer.model.named_parameters() if name in frozen)


def test_a_checkpoint_holds_the_accountant(directory: Path, tmp_path: Path) -> None:
    trainer = trainer_for(directory, tmp_path, max_steps=2)
    trainer.train()
    trainer._save_checkpoint(trainer.model, trial=None)

    state = json.loads((tmp_path / "checkpoint-2" / "accountant.json").read_text())
    assert state == {"history": [[1.0, 1 / 3, 2]], "mechanism": "prv"}
    second = trainer_for(directory, tmp_path, max_steps=2)
    second._load_from_checkpoint(str(tmp_path / "checkpoint-2"))
    assert second.epsilon() == trainer.epsilon() > 0


def test_an_adapter_that_does_not_move_is_an_error(directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def disconnected(sums: UnitGradients, seed: int) -> None:
        for parameter in sums._parameters:
            parameter.grad = torch.zeros_like(parameter)

    monkeypatch.setattr(UnitGradients, "finish", disconnected)
    trainer = trainer_for(directory, tmp_path, num_epochs=5.0, lora=LoraSettings(r=4))

    with pytest.raises(ContractError, match="after 5 steps the adapter has not moved"):
        trainer.train()


def test_a_frozen_weight_that_moves_is_an_error(directory: Path, tmp_path: Path) -> None:
    trainer = trainer_for(directory, tmp_path)
    check = MovementCheck(trainer.model, ADAPTER)
    trainer.state.max_steps = trainer.state.global_step = 3
    check.on_step_end(trainer.args, trainer.state, trainer.control)
    frozen = next(value for _, value in trainer.model.named_parameters() if not value.requires_grad)

    with torch.no_grad():
        frozen.flatten()[0] += 1e-4

    with pytest.raises(ContractError, match="weights outside the adapter have changed"):
        check.on_step_end(trainer.args, trainer.state, trainer.control)


def test_an_adapter_on_embeddings_is_refused(directory: Path, tmp_path: Path) -> None:
    trainer = trainer_for(directory, tmp_path, lora=LoraSettings(r=4, target_modules=["embed_tokens", "q_proj"]))

    with pytest.raises(ContractError, match="linear layers only"):
        trainer.train()


def test_the_bound_holds_in_mixed_precision(directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a GPU: the base in bf16, the adapter in fp32, autocast around the forward pass."""
    trainer = trainer_for(directory, tmp_path, noise=0)
    for _, parameter in trainer.model.named_parameters():
        if not parameter.requires_grad:
            parameter.data = parameter.data.bfloat16()
    monkeypatch.setattr(trainer, "compute_loss_context_manager", lambda: torch.autocast("cpu", torch.bfloat16))

    each = [private_gradient(trainer, [unit]) * 3.0 for unit in trainer._units]

    assert all(gradient.dtype == torch.float32 for gradient in each)
    assert [float(gradient.norm()) for gradient in each] == pytest.approx([NORM] * len(each), rel=1e-4)  # bf16 norms are off by 4e-3
    assert max(float(gradient.norm()) for gradient in each) <= NORM * (1 + 1e-6)
