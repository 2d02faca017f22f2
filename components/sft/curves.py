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
            **({"privacy spent": f"epsilon {values['dp_epsilon']:.2f} at delta {values['dp_delta']:.1g}"} if settings.dp.enabled else {}),
        },
        sections=[
            Section(
                "Curves",
                ["Mean negative log-likelihood of the assistant's tokens, in nats."],
                figures=_figures(base, history, private=settings.dp.enabled),
            ),
            *([_privacy_section(values, history, settings)] if settings.dp.enabled else []),
            Section("Data", tables=[_data_table(rows)]),
        ],
    )


def _figures(base_loss: float, history: Sequence[Mapping[str, Any]], *, private: bool) -> list[Markup]:
    def points(key: str) -> list[tuple[float, float]]:
        return [(float(entry["step"]), float(entry[key])) for entry in history if key in entry]

    validation = [(0.0, base_loss), *points("eval_loss")]
    if private:
        return [
            line_chart("Loss", {"validation": validation}),
            line_chart("Learning rate", {"learning rate": points("learning_rate")}),
            line_chart("Norm of the clipped and noised gradient", {"norm": points("grad_norm")}),
        ]
    return [
        line_chart("Loss", {"training": points("loss"), "validation": validation}),
        line_chart("Token accuracy", {"training": points("mean_token_accuracy"), "validation": points("eval_mean_token_accuracy")}),
        line_chart("Learning rate", {"learning rate": points("learning_rate")}),
        line_chart("Gradient norm before clipping", {"norm": points("grad_norm")}),
    ]


def _privacy_section(values: Mapping[str, float], history: Sequence[Mapping[str, Any]], settings: SftConfig) -> Section:
    spent = [(float(entry["step"]), float(entry["dp_epsilon"])) for entry in history if "dp_epsilon" in entry]
    rows = [
        ["what is protected", f"one {settings.dp.unit}"],
        [f"units (each a {settings.dp.unit})", f"{values['dp_num_units']:.0f}"],
        ["most units of one person", f"{values['dp_max_units_per_person']:.0f}"],
        ["epsilon", f"{values['dp_epsilon']:.3f}"],
        ["delta", f"{values['dp_delta']:.2g}"],
        ["accountant", settings.dp.accountant],
        ["noise multiplier", f"{values['dp_noise_multiplier']:.4f}"],
        ["norm to which a unit's gradient is clipped", f"{values['dp_max_grad_norm']:g}"],
        ["probability that a unit is in a step", f"{values['dp_sample_rate']:.5f}"],
        ["steps", f"{values['dp_steps']:.0f}"],
        ["noise of a step over the largest gradient it can have", f"{values['dp_noise_to_signal']:.1f}"],
    ]
    text = [
        f"Whether one {settings.dp.unit} was in the training data changes the probability of any adapter by at most a factor of "
        "e to the power of epsilon, but for a probability of delta.",
        "The bound covers this adapter. It does not cover counts of the data and the validation loss on this page, which are exact, nor an "
        "adapter that a later stage trains on the same conversations. A person with several units has as many times the epsilon.",
    ]
    if settings.dp.seed is not None:
        text.append("The noise follows from the number in sft.dp.seed: for whoever knows that number there is no privacy.")
    return Section("Differential privacy", text, [Table(["what", "value"], rows)], [line_chart("Privacy spent", {"epsilon": spent})])


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
