"""The page that shows how supervised fine-tuning went."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from components.sft.config import SftConfig
from components.sft.examples import Examples
from components.shared.figures import line_chart
from components.shared.report import Page, Section, Table


def build_page(values: Mapping[str, float], history: Sequence[Mapping[str, Any]], rows: Examples, settings: SftConfig) -> Page:
    """Lay out losses, learning rate and gradient norm over steps, and what was trained on.

    Args:
        values: the stage's metrics.
        history: the Trainer's log: mappings with ``step`` and what was measured there.
        rows: training examples.
        settings: of the stage.
    """
    base, loss = values["base_validation_loss"], values["validation_loss"]
    verdict = (
        f"Validation loss fell from {base:.3f} (base model) to {loss:.3f} nats per token"
        if loss < base
        else f"Validation loss did not fall: {base:.3f} (base model), {loss:.3f} after training; lower learning_rate or look at the data"
    )
    return Page(
        title="Supervised fine-tuning",
        verdict=verdict,
        good=loss < base,
        facts={
            "validation perplexity": values["validation_perplexity"],
            "base model's": values["base_validation_perplexity"],
            "chosen step": f"{values['chosen_step']:.0f} of {values['num_steps']:.0f}",
            "trainable parameters": f"{values['num_trainable_parameters']:,.0f} ({100 * values['trainable_fraction']:.2f} %)",
            "all parameters": f"{values['num_parameters']:,.0f}",
            "LoRA": f"r {settings.lora.r}, alpha {settings.lora.alpha:g}",
        },
        sections=[
            Section("Curves", ["Mean negative log-likelihood of the assistant's tokens, in nats."], figures=_figures(base, history)),
            Section("Data", tables=[_data_table(rows)]),
        ],
    )


def _figures(base_loss: float, history: Sequence[Mapping[str, Any]]) -> list[Markup]:
    def points(key: str) -> list[tuple[float, float]]:
        return [(float(entry["step"]), float(entry[key])) for entry in history if key in entry]

    return [
        line_chart("Loss", {"training": points("loss"), "validation": [(0.0, base_loss), *points("eval_loss")]}),
        line_chart("Token accuracy", {"training": points("mean_token_accuracy"), "validation": points("eval_mean_token_accuracy")}),
        line_chart("Learning rate", {"learning rate": points("learning_rate")}),
        line_chart("Gradient norm before clipping", {"norm": points("grad_norm")}),
    ]


def _data_table(rows: Examples) -> Table:
    return Table(
        ["what", "number"],
        [
            ["conversations", rows.num_conversations],
            ["windows", len(rows.windows)],
            ["tokens in an epoch", rows.num_tokens],
            ["of these the assistant's (the loss counts them)", rows.num_loss_tokens],
            ["conversations longer than a window, split at a turn", rows.num_split],
            ["windows cut within an exchange", rows.num_cut],
            ["replies in no window", rows.num_lost_replies],
        ],
    )
