"""TRL's SFTTrainer with four things changed: data order, what a checkpoint holds, the validation loss, and no files beside them.

- The order of windows depends on seed and epoch alone (``sampler``), so a resumed run sees what an uninterrupted one would have seen.
- A checkpoint holds the adapter's weights, never the base model's; the Trainer adds optimizer, scheduler and random states.
- The validation loss is the mean over all assistant tokens. The Trainer's own is a mean of batch means, which weighs a token by the batch
  that it happens to be in.
"""

import math
from pathlib import Path
from typing import Any, Protocol

import torch
from datasets import Dataset
from peft import PeftModel
from transformers import PrinterCallback, TrainerControl
from transformers.utils import is_flash_attn_2_available
from trl import SFTConfig as TrlSftConfig
from trl import SFTTrainer

from components.sft.config import SftConfig
from components.shared import modeling
from components.shared.data_order import LengthGroupedSampler
from components.shared.progress import track

ADAPTER = "sft"


class Order(Protocol):
    """The order of training examples; differs from epoch to epoch."""

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next iteration is for, counted from 0."""


class AssistantTrainer(SFTTrainer):  # type: ignore[misc]
    """Trains the adapter ``sft`` on rows of ``input_ids`` and ``labels``."""

    sampler: Order
    control: TrainerControl

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> LengthGroupedSampler:
        lengths = [len(ids) for ids in self.train_dataset["input_ids"]]
        sampler = LengthGroupedSampler(lengths, self.args.train_batch_size * self.args.gradient_accumulation_steps, self.args.seed)
        self.sampler = sampler
        return sampler

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None) -> None:
        modeling.save_adapter(self.model, ADAPTER, Path(output_dir or self.args.output_dir))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: PeftModel | None = None) -> None:
        modeling.load_weights(self.model, ADAPTER, Path(resume_from_checkpoint))

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """Write none: the card is the register stage's, and TRL's asks the hub."""

    def evaluate(
        self, eval_dataset: Dataset | None = None, ignore_keys: list[str] | None = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        """Return the mean negative log-likelihood of all assistant tokens of a data set (``PREFIX_loss``, nats) and log it.

        Args:
            eval_dataset: rows of ``input_ids`` and ``labels``; the validation windows when None.
            ignore_keys: not used.
            metric_key_prefix: of the names.
        """
        dataset = self.eval_dataset if eval_dataset is None else eval_dataset
        training = self.model.training
        self.model.eval()
        total, count = 0.0, 0
        loader = self.get_eval_dataloader(dataset)
        one = torch.tensor(1)
        for batch in track(loader, "validation loss", len(loader)):
            inputs = self._prepare_inputs(batch)
            with torch.no_grad(), self.compute_loss_context_manager():
                total += float(self.compute_loss(self.model, inputs, num_items_in_batch=one))  # a sum: the divisor is 1
            count += int((inputs["labels"][:, 1:] != -100).sum())
        metrics = {f"{metric_key_prefix}_loss": total / count, f"{metric_key_prefix}_tokens": float(count)}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        self.model.train(training)
        return metrics


def build_trainer(
    model: PeftModel, tokenizer: Any, train: Dataset, validation: Dataset, settings: SftConfig, output: Path
) -> AssistantTrainer:
    """Return a trainer for the adapter, without any callback that prints or reports.

    Args:
        model: base with the adapter ``sft`` active.
        tokenizer: of the base model.
        train: rows of ``input_ids`` and ``labels``.
        validation: the same.
        settings: of the stage.
        output: folder for checkpoints.
    """
    packing = use_packing(settings)
    if packing and is_flash_attn_2_available() and torch.cuda.is_available():
        model.get_base_model().set_attn_implementation("flash_attention_2")
    trainer = AssistantTrainer(
        model=model,
        args=training_arguments(settings, output, packing=packing),
        train_dataset=train,
        eval_dataset=validation,
        processing_class=tokenizer,
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def use_packing(settings: SftConfig) -> bool:
    """Say whether windows are packed: where asked, or where a varlen attention kernel makes it pay."""
    if settings.packing == "auto":
        return torch.cuda.is_available() and bool(is_flash_attn_2_available())
    return settings.packing == "on"


def perplexity(loss: float) -> float:
    """Return exp(loss) of a loss in nats, infinite where a float cannot hold it."""
    return math.exp(loss) if loss < 700 else math.inf


def training_arguments(settings: SftConfig, output: Path, *, packing: bool) -> TrlSftConfig:
    """Return TRL's arguments for the stage's settings."""
    cuda = torch.cuda.is_available()
    return TrlSftConfig(
        output_dir=str(output),
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        optim="adamw_torch",
        lr_scheduler_type="cosine",
        warmup_steps=settings.warmup_fraction,  # below 1 the Trainer reads a fraction
        max_grad_norm=settings.max_grad_norm,
        num_train_epochs=settings.num_epochs,
        max_steps=settings.max_steps or -1,
        per_device_train_batch_size=settings.batch_size,
        per_device_eval_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.gradient_accumulation_steps,
        gradient_checkpointing=settings.activation_checkpointing,
        max_length=settings.max_length,
        packing=packing,
        packing_strategy="bfd",
        eval_packing=False,
        dataset_kwargs={"skip_prepare_dataset": not packing},  # windows are tokenized and short enough; only packing rearranges them
        bf16=cuda,
        use_cpu=not cuda,
        seed=settings.seed,
        data_seed=settings.seed,
        logging_steps=settings.logging_steps,
        eval_strategy="epoch",
        save_strategy="no",  # the callback says when
        save_total_limit=2,  # the one before stays until the newest is whole
        report_to=[],
        disable_tqdm=True,
        dataloader_pin_memory=cuda,
        push_to_hub=False,
    )
