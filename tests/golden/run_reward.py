"""Nine optimizer steps of the reward model: rated pairs, accumulation, centring, clipping, validation after each epoch."""

from pathlib import Path

from components.reward.config import RewardConfig
from components.reward.pairs import MarginRule, build
from components.reward.scoring import ADAPTER
from components.reward.trainer import RewardTrainer
from components.shared import checkpoints, modeling
from components.shared.lora import LoraSettings
from components.shared.reward_model import ScalarHead
from components.shared.tracking import StageRun
from tests.golden.golden import Series
from tests.tiny_model import build_tiny_model, preference_pair, reference_of

SETTINGS = RewardConfig(
    learning_rate=5e-3,
    head_learning_rate=1e-2,
    weight_decay=0.01,
    num_epochs=3,
    batch_size=2,
    gradient_accumulation_steps=2,
    max_length=128,
    warmup_fraction=0.2,
    max_grad_norm=0.5,
    logging_steps=1,
    seed=7,
)


class Unlogged(StageRun):
    """Keeps the numbers away from any tracking server."""

    def __init__(self) -> None:
        pass

    def log_metrics(self, values: object, step: int = 0) -> None:
        pass


def run(directory: Path) -> Series:
    """Train and return what each step and each validation logged."""
    reference = reference_of(build_tiny_model(directory / "model"))
    checkpoints.seed_everything(SETTINGS.seed)
    model = modeling.new_adapter(modeling.load_base(reference), ADAPTER, LoraSettings(r=4, alpha=8, dropout=0.1))
    modeling.use_adapter(model, ADAPTER, trainable=True)
    tokenizer = modeling.load_tokenizer(reference)
    rule = MarginRule(tuple(SETTINGS.margin_attributes), SETTINGS.margin_scale)
    rows = build(tokenizer, [preference_pair(index) for index in range(12)], SETTINGS.max_length, rule, "train")
    held_out = build(tokenizer, [preference_pair(index) for index in range(12, 17)], SETTINGS.max_length, rule, "validation")
    trainer = RewardTrainer(model, ScalarHead(model.get_base_model().config.hidden_size), rows.rows, held_out.rows, SETTINGS)
    trainer.train(Unlogged(), None)
    names = ("train/loss", "train/grad_norm", "train/score_gap", "train/learning_rate", "validation/loss")
    return {name: [entry[name] for entry in trainer.history if name in entry] for name in names}
