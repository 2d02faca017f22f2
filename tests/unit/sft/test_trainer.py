"""The loss, the data order and the checkpoints of the trainer, against numbers made without it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from components.sft.callback import StageCallback
from components.sft.config import SftConfig
from components.sft.examples import build
from components.sft.trainer import ADAPTER, AssistantTrainer, build_trainer, perplexity
from components.shared import chat, checkpoints, modeling
from components.shared.data_order import LengthGroupedSampler
from components.shared.lora import LoraSettings
from components.shared.tracking import StageRun
from tests.tiny_model import build_tiny_model, conversation, reference_of

ROWS = [conversation(index, exchanges) for index, exchanges in enumerate([1, 3, 2, 1, 4, 2, 1, 3, 1])]
FEW = ROWS[:3]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_model(tmp_path_factory.mktemp("model"))


def trainer_for(directory: Path, output: Path, rows: list[Any] = ROWS, **settings: Any) -> AssistantTrainer:
    chosen = SftConfig(batch_size=3, gradient_accumulation_steps=1, lora=LoraSettings(r=4), learning_rate=1e-2, **settings)
    checkpoints.seed_everything(chosen.seed)
    model = modeling.new_adapter(modeling.load_base(reference_of(directory)), ADAPTER, chosen.lora)
    modeling.use_adapter(model, ADAPTER, trainable=True)
    tokenizer = modeling.load_tokenizer(reference_of(directory))
    examples = build(tokenizer, rows, chosen.max_length, "train")
    return build_trainer(model, tokenizer, examples.dataset(), examples.dataset(by_length=True), chosen, output)


def summed_loss(directory: Path, rows: list[Any]) -> tuple[float, int]:
    """Sum of -log p over assistant tokens, and their number: one window at a time, no padding, no trainer."""
    tokenizer = modeling.load_tokenizer(reference_of(directory))
    model = AutoModelForCausalLM.from_pretrained(directory).eval()
    total, count = 0.0, 0
    for row in rows:
        window = chat.encode(tokenizer, row.messages)
        with torch.no_grad():
            logprobs = model(torch.tensor([window.input_ids])).logits[0].double().log_softmax(-1)
        for position in range(1, len(window)):
            if window.assistant_mask[position]:
                total -= float(logprobs[position - 1, window.input_ids[position]])
                count += 1
    return total, count


def test_validation_loss_is_the_mean_over_all_assistant_tokens(directory: Path, tmp_path: Path) -> None:
    total, count = summed_loss(directory, ROWS)

    metrics = trainer_for(directory, tmp_path).evaluate()

    assert metrics["eval_tokens"] == count
    assert metrics["eval_loss"] == pytest.approx(total / count, rel=1e-5)


def test_a_mean_of_batch_means_would_be_another_number(directory: Path) -> None:
    """So that the test above can fail."""
    each = [summed_loss(directory, [row]) for row in ROWS]
    overall = sum(total for total, _ in each) / sum(count for _, count in each)

    assert sum(total / count for total, count in each) / len(each) != pytest.approx(overall, rel=1e-4)


@pytest.mark.parametrize("packing", ["off", "on"])
def test_training_loss_counts_assistant_tokens_only(directory: Path, tmp_path: Path, packing: str) -> None:
    total, count = summed_loss(directory, FEW)
    trainer = trainer_for(directory, tmp_path, FEW, packing=packing)

    (batch,) = list(trainer.get_train_dataloader())
    loss = trainer.compute_loss(trainer.model, batch, num_items_in_batch=(batch["labels"] != -100).sum())

    assert int((batch["labels"] != -100).sum()) == count
    assert float(loss.detach()) == pytest.approx(total / count, rel=1e-5)
    assert (packing == "on") == ("attention_mask" not in batch)


def train_once(directory: Path, output: Path, rows: list[Any], batch_size: int, accumulation: int) -> torch.Tensor:
    trainer = trainer_for(directory, output, rows, num_epochs=1.0, max_grad_norm=0)
    trainer.args.per_device_train_batch_size, trainer.args.gradient_accumulation_steps = batch_size, accumulation
    trainer._train_batch_size = batch_size
    gradients: list[torch.Tensor] = []
    parameters = [parameter for _, parameter in modeling.adapter_parameters(trainer.model, ADAPTER)]

    def keep(*args: Any) -> None:
        gradients.append(torch.cat([parameter.grad.flatten() for parameter in parameters if parameter.grad is not None]))

    trainer.create_optimizer().register_step_pre_hook(keep)
    trainer.train()
    assert len(gradients) == 1
    return gradients[0]


def test_accumulated_gradients_equal_those_of_one_large_batch(directory: Path, tmp_path: Path) -> None:
    """Windows of different lengths: a mean of micro-batch means would weigh short replies more."""
    large = train_once(directory, tmp_path / "a", FEW, 3, 1)
    accumulated = train_once(directory, tmp_path / "b", FEW, 1, 3)

    assert large.norm() > 0.1
    torch.testing.assert_close(accumulated, large, rtol=1e-4, atol=1e-6)


def test_arguments_are_what_the_settings_say(directory: Path, tmp_path: Path) -> None:
    trainer = trainer_for(directory, tmp_path, warmup_fraction=0.25, num_epochs=4.0, weight_decay=0.1)
    trainer.create_optimizer_and_scheduler(num_training_steps=12)

    assert type(trainer.optimizer).__name__ == "AdamW"
    assert {group["weight_decay"] for group in trainer.optimizer.param_groups if group["params"]} == {0.1}
    rates = []
    for _ in range(12):
        rates.append(trainer.lr_scheduler.get_last_lr()[0])
        trainer.optimizer.step()
        trainer.lr_scheduler.step()
    assert rates[:4] == pytest.approx([0.0, 1e-2 / 3, 2e-2 / 3, 1e-2])  # linear over a quarter of 12 steps
    assert rates[3:] == sorted(rates[3:], reverse=True)
    assert rates[3 + 9 // 2 + 1] < 5.1e-3 < rates[3 + 9 // 2]  # half way down the cosine
    assert not trainer.args.activation_checkpointing
    assert not trainer.args.bf16 or torch.cuda.is_available()
    assert {type(callback).__name__ for callback in trainer.callback_handler.callbacks} == {"DefaultFlowCallback"}


def test_activation_checkpointing_changes_no_gradient(directory: Path, tmp_path: Path) -> None:
    gradients = []
    for checkpointing in (False, True):
        trainer = trainer_for(directory, tmp_path / str(checkpointing), FEW, max_steps=1, activation_checkpointing=checkpointing)
        trainer.train()
        gradients.append(torch.cat([parameter.detach().flatten() for _, parameter in modeling.adapter_parameters(trainer.model, ADAPTER)]))
        assert trainer.model.get_base_model().is_gradient_checkpointing == checkpointing

    torch.testing.assert_close(gradients[0], gradients[1])


def test_a_checkpoint_holds_the_adapter_and_no_base_weights(directory: Path, tmp_path: Path) -> None:
    trainer = trainer_for(directory, tmp_path, max_steps=1)
    trainer.train()
    trainer._save_checkpoint(trainer.model, trial=None)

    names = {path.name for path in (tmp_path / "checkpoint-1").iterdir()}
    assert names == {
        "adapter_config.json",
        "adapter_model.safetensors",
        "optimizer.pt",
        "scheduler.pt",
        "rng_state.pth",
        "trainer_state.json",
    }
    assert sum(path.stat().st_size for path in (tmp_path / "checkpoint-1").glob("*.safetensors")) < 60_000


class Unlogged(StageRun):
    def __init__(self) -> None:
        pass

    def log_metrics(self, values: object, step: int = 0) -> None:
        pass


def test_the_adapter_with_the_lowest_validation_loss_is_kept(directory: Path, tmp_path: Path) -> None:
    trainer = trainer_for(directory, tmp_path)
    callback = StageCallback(trainer, Unlogged(), tmp_path, checkpoint_seconds=None)
    weights = {}
    for step, loss in [(1, 3.0), (2, 2.0), (3, 2.5), (4, 2.0)]:
        with torch.no_grad():
            for _, parameter in modeling.adapter_parameters(trainer.model, ADAPTER):
                parameter.normal_()
        weights[step] = modeling.adapter_state(trainer.model, ADAPTER)
        trainer.state.global_step = step
        callback.on_evaluate(trainer.args, trainer.state, trainer.control, metrics={"eval_loss": loss})

    modeling.load_weights(trainer.model, ADAPTER, callback.best_directory)

    assert callback.best_loss_and_step() == (2.0, 2)  # of equals the first
    chosen = modeling.adapter_state(trainer.model, ADAPTER)
    assert all(torch.equal(chosen[key], weights[2][key]) for key in chosen)


def test_perplexity() -> None:
    assert perplexity(0.0) == 1.0
    assert perplexity(2.302585093) == pytest.approx(10.0)
    assert perplexity(1e6) == float("inf")


class TestLengthGroupedSampler:
    def lengths(self) -> list[int]:
        generator = torch.Generator().manual_seed(5)
        return torch.randint(10, 200, (203,), generator=generator).tolist()

    def order(self, seed: int, epoch: int, batch_size: int = 4) -> list[int]:
        sampler = LengthGroupedSampler(self.lengths(), batch_size, seed)
        sampler.set_epoch(epoch)
        return list(sampler)

    def test_each_index_comes_once(self) -> None:
        assert sorted(self.order(1, 0)) == list(range(203))

    def test_the_order_depends_on_seed_and_epoch_alone(self) -> None:
        first = self.order(1, 2)
        torch.rand(100)

        assert self.order(1, 2) == first
        assert self.order(1, 3) != first
        assert self.order(2, 2) != first

    def test_batches_hold_like_lengths(self) -> None:
        lengths, order = self.lengths(), self.order(1, 0)
        spreads = [max(part) - min(part) for part in ([lengths[i] for i in order[start : start + 4]] for start in range(0, 200, 4))]

        assert sum(spreads) / len(spreads) < 12  # random batches of 4 from 10..199 spread over 114 on average

    def test_batch_order_is_not_sorted(self) -> None:
        lengths, order = self.lengths(), self.order(1, 0)
        firsts = [lengths[order[start]] for start in range(0, 200, 4)]

        assert firsts not in (sorted(firsts), sorted(firsts, reverse=True))
