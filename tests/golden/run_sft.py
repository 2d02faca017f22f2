"""Ten optimizer steps of supervised fine-tuning: the real trainer, dialogues of several lengths, accumulation, LoRA dropout."""

from pathlib import Path

from components.sft.config import SftConfig
from components.sft.examples import build
from components.sft.trainer import ADAPTER, build_trainer
from components.shared import checkpoints, modeling
from components.shared.lora import LoraSettings
from tests.golden.golden import Series
from tests.tiny_model import build_tiny_model, conversation, reference_of

SETTINGS = SftConfig(
    lora=LoraSettings(r=4, alpha=8, dropout=0.1),
    learning_rate=1e-2,
    weight_decay=0.01,
    num_epochs=2.0,
    batch_size=2,
    gradient_accumulation_steps=2,
    max_length=128,
    warmup_fraction=0.2,
    logging_steps=1,
    seed=7,
)


def run(directory: Path) -> Series:
    """Train and return loss, gradient norm and learning rate of each step, and the validation loss after each epoch."""
    reference = reference_of(build_tiny_model(directory / "model"))
    checkpoints.seed_everything(SETTINGS.seed)
    model = modeling.new_adapter(modeling.load_base(reference), ADAPTER, SETTINGS.lora)
    modeling.use_adapter(model, ADAPTER, trainable=True)
    tokenizer = modeling.load_tokenizer(reference)
    rows = build(tokenizer, [conversation(index, 1 + index % 4) for index in range(12)], SETTINGS.max_length, "train")
    held_out = build(tokenizer, [conversation(index, 2) for index in range(3)], SETTINGS.max_length, "validation")
    trainer = build_trainer(model, tokenizer, rows.dataset(), held_out.dataset(by_length=True), SETTINGS, directory)
    trainer.train()
    names = {"loss": "loss", "grad_norm": "grad_norm", "learning_rate": "learning_rate", "eval_loss": "validation_loss"}
    return {name: [float(entry[key]) for entry in trainer.state.log_history if key in entry] for key, name in names.items()}
