"""Supervised fine-tuning with DP-SGD: ``AssistantTrainer`` with another data loader and another gradient.

1. A step samples each unit with probability q (``poisson``).
2. The gradient of each unit's loss, over all its windows, is clipped to L2 norm C (``units``, ``unit_gradients``).
3. The clipped gradients are summed, Gaussian noise of standard deviation sigma C is added, the sum divided by q n.
4. AdamW steps with that (all further use is post-processing), and the accountant notes a step (``privacy``).

Checkpoints, validation loss, schedule and callbacks are those of training without. The promise covers the adapter, of any step. So that
nothing else of a run breaks it, nothing exact about sampled units is logged, as the training loss and unclipped norms would be.
"""

import json
import logging
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import PeftModel
from torch.utils.data import DataLoader
from transformers import PrinterCallback

from components.sft import privacy
from components.sft.config import SftConfig
from components.sft.examples import IGNORED, labels_of
from components.sft.movement import MovementCheck
from components.sft.poisson import PoissonSampler, kept_secret, step_seed
from components.sft.privacy import PrivacyPlan
from components.sft.trainer import ADAPTER, AssistantTrainer, training_arguments
from components.sft.unit_gradients import UnitGradients
from components.sft.units import Row, Unit, physical_batches
from components.shared import modeling
from components.shared.errors import ContractError

_logger = logging.getLogger(__name__)
_ACCOUNTANT = "accountant.json"
_EXACT = {"loss", "entropy", "mean_token_accuracy", "num_tokens"}
"""What the Trainer would log about training data without noise."""


class PrivateTrainer(AssistantTrainer):
    """Trains the adapter ``sft`` on units, with differential privacy."""

    def __init__(self, *, plan: PrivacyPlan, units: list[Unit], secret: str, max_rows: int, **kwargs: Any) -> None:
        """Take what differs from ``AssistantTrainer``.

        Args:
            plan: noise, sample rate, steps.
            units: of the training data.
            secret: what sampling and noise follow from.
            max_rows: windows in a forward pass.
            kwargs: of TRL's trainer.

        Raises:
            ContractError: more than one device.
        """
        super().__init__(**kwargs)
        if self.args.world_size > 1 or self.args.n_gpu > 1:
            raise ContractError(
                f"sft.dp needs one device, there are {self.args.world_size * max(1, self.args.n_gpu)}; give the stage one GPU "
                "(CUDA_VISIBLE_DEVICES, resources)"
            )
        self.plan, self._units, self._secret, self._max_rows = plan, units, secret, max_rows
        self.accountant = privacy.new_accountant(plan.mechanism)
        self._gradients: UnitGradients | None = None

    def get_train_dataloader(self) -> DataLoader[Unit]:
        """Return batches of units, one a step, some of them empty."""
        sampler = PoissonSampler(self.plan.num_units, self.plan.sample_rate, self.plan.steps_per_epoch, self._secret)
        self.sampler = sampler
        generator = torch.Generator()  # the loader's own: it would draw from the global one, which dropout uses
        return DataLoader(self._units, batch_sampler=sampler, collate_fn=list, generator=generator)  # type: ignore[arg-type]

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """Make the optimizer and hook per-unit gradients into the model."""
        optimizer: torch.optim.Optimizer = super().create_optimizer(model)
        if self._gradients is None:
            plan = self.plan
            self._gradients = UnitGradients(
                self.model,
                optimizer,
                noise_multiplier=plan.noise_multiplier,
                max_grad_norm=plan.max_grad_norm,
                divisor=plan.expected_batch_size,
            )
            self._gradients.mechanism.attach_step_hook(self.accountant.get_optimizer_hook_fn(plan.sample_rate))
        return optimizer

    def training_step(self, model: torch.nn.Module, inputs: list[Unit], num_items_in_batch: Any = None) -> torch.Tensor:
        """Leave the private gradient of a step in the parameters.

        Returns:
            0: the loss of the sampled units is not for the log.
        """
        assert self._gradients is not None, "create_optimizer comes first"
        model.train()
        self._gradients.start()
        for rows in physical_batches(inputs, self._max_rows):
            torch.autograd.backward(self._loss(model, rows))
            self._gradients.add(rows)
        self._gradients.finish(step_seed(self._secret, "noise", self.state.global_step))
        return torch.zeros((), device=self.args.device)

    def epsilon(self) -> float:
        """Return the privacy spent so far, at the plan's delta."""
        return privacy.epsilon(self.accountant, self.plan.delta)

    def spent(self) -> dict[str, float]:
        """Return the guarantee of the steps so far, as metrics."""
        num_parameters = sum(parameter.numel() for _, parameter in modeling.adapter_parameters(self.model, ADAPTER))
        return {
            "dp_epsilon": self.epsilon(),
            "dp_delta": self.plan.delta,
            "dp_noise_multiplier": self.plan.noise_multiplier,
            "dp_max_grad_norm": self.plan.max_grad_norm,
            "dp_sample_rate": self.plan.sample_rate,
            "dp_steps": float(sum(steps for _, _, steps in self.accountant.history)),
            "dp_num_units": float(self.plan.num_units),
            "dp_noise_to_signal": self.plan.noise_to_signal(num_parameters),
        }

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """Log nothing exact about training data, and with the validation loss the privacy spent."""
        spent = {"dp_epsilon": self.epsilon()} if "eval_loss" in logs else {}
        super().log({key: value for key, value in logs.items() if key not in _EXACT} | spent, *args, **kwargs)

    def floating_point_ops(self, inputs: Any) -> int:
        """Count none: the Trainer's estimate reads a batch of windows."""
        return 0

    def _loss(self, model: torch.nn.Module, rows: list[Row]) -> torch.Tensor:
        """Sum over rows of the weighted negative log-likelihood of their assistant tokens."""
        columns = [{"input_ids": row.window.input_ids, "labels": labels_of(row.window)} for row in rows]
        batch = self._prepare_inputs(self.data_collator(columns))
        with self.compute_loss_context_manager():
            logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], use_cache=False).logits
        targets = batch["labels"][:, 1:]
        losses = torch.nn.functional.cross_entropy(
            logits[:, :-1].float().flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="none"
        )
        weights = torch.tensor([row.weight for row in rows], device=losses.device)
        return (losses.view(targets.shape).sum(1) * weights).sum()

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None) -> None:
        super()._save(output_dir, state_dict)
        path = Path(output_dir or self.args.output_dir) / _ACCOUNTANT
        path.write_text(json.dumps(self.accountant.state_dict()), encoding="utf-8")

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: PeftModel | None = None) -> None:
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        state = json.loads((Path(resume_from_checkpoint) / _ACCOUNTANT).read_text(encoding="utf-8"))
        self.accountant.load_state_dict({**state, "history": [tuple(entry) for entry in state["history"]]})


def build_private_trainer(
    model: PeftModel, tokenizer: Any, units: list[Unit], train: Dataset, validation: Dataset, settings: SftConfig, output: Path
) -> PrivateTrainer:
    """Return a trainer for the adapter that keeps the privacy budget.

    Args:
        model: base with the adapter ``sft`` active, on its device.
        tokenizer: of the base model.
        units: of the training data.
        train: its rows of ``input_ids`` and ``labels``, for TRL's own checks.
        validation: the same for validation.
        settings: of the stage.
        output: folder for checkpoints.
    """
    plan = privacy.plan(settings, len(units))
    num_parameters = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    privacy.warn_of_cost(plan, num_parameters, settings.dp.unit)
    if settings.dp.seed is not None:
        _logger.warning("sft.dp.seed is set: for whoever knows it the noise can be taken away and there is no privacy; leave it out")
    # The mechanism has clipped, and accumulates; the number of steps is what was accounted for.
    unclipped = settings.model_copy(update={"max_grad_norm": 0.0, "gradient_accumulation_steps": 1, "max_steps": plan.num_steps})
    trainer = PrivateTrainer(
        plan=plan,
        units=units,
        secret=kept_secret(output, settings.dp.seed),
        max_rows=settings.dp.max_physical_batch_size,
        model=model,
        args=training_arguments(unclipped, output, packing=False),
        train_dataset=train,
        eval_dataset=validation,
        processing_class=tokenizer,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(MovementCheck(model, ADAPTER))
    return trainer
