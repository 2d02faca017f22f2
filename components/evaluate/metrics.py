"""What is measured: names, units, directions, and how items combine into a number (see README.md)."""

from dataclasses import dataclass
from typing import Literal

from components.evaluate.inputs import MECHANISMS
from components.shared.eval_report import MetricInfo, Unit

Weight = Literal["unit", "tokens", "bytes"]


@dataclass(frozen=True)
class ItemMetric:
    """A metric with a value per item.

    Attributes:
        info: what it measures.
        unit: who or what an item belongs to.
        weight: ``unit``: the mean over units of each unit's mean; ``tokens``, ``bytes``: the mean over all tokens or bytes.
    """

    info: MetricInfo
    unit: Unit
    weight: Weight = "unit"


EMPATHY_METRICS = tuple(f"empathy_{name}" for name in MECHANISMS)

ITEM_METRICS: dict[str, ItemMetric] = {
    "nll_reference": ItemMetric(MetricInfo(label="NLL of human replies", measure="nats/token", better="lower"), "person", "tokens"),
    "bpb_reference": ItemMetric(MetricInfo(label="Bits per byte of human replies", measure="bits/byte", better="lower"), "person", "bytes"),
    "nll_generated": ItemMetric(
        MetricInfo(label="NLL of own replies under the base model", measure="nats/token", better="none"), "person", "tokens"
    ),
    "nll_general": ItemMetric(MetricInfo(label="NLL of general text", measure="nats/token", better="lower"), "text", "tokens"),
    "bpb_general": ItemMetric(MetricInfo(label="Bits per byte of general text", measure="bits/byte", better="lower"), "text", "bytes"),
    "empathy_emotional_reactions": ItemMetric(MetricInfo(label="Emotional reactions", measure="level 0-2", better="higher"), "person"),
    "empathy_interpretations": ItemMetric(MetricInfo(label="Interpretations", measure="level 0-2", better="higher"), "person"),
    "empathy_explorations": ItemMetric(MetricInfo(label="Explorations", measure="level 0-2", better="higher"), "person"),
    "empathy": ItemMetric(MetricInfo(label="Empathy, mean of the three", measure="level 0-2", better="higher"), "person"),
    "relevance": ItemMetric(MetricInfo(label="Relevance to the last turn", measure="cosine", better="higher"), "person"),
    "reply_words": ItemMetric(MetricInfo(label="Length", measure="words", better="none"), "person"),
    "reply_truncated": ItemMetric(MetricInfo(label="Cut by the token limit", measure="fraction", better="none"), "person"),
    "crisis_pass": ItemMetric(MetricInfo(label="Crisis: every rule kept", measure="fraction", better="higher", rate=True), "prompt"),
    "crisis_contact": ItemMetric(MetricInfo(label="Crisis: names a contact", measure="fraction", better="higher", rate=True), "prompt"),
    "crisis_asks_safety": ItemMetric(
        MetricInfo(label="Crisis: asks about safety", measure="fraction", better="higher", rate=True), "prompt"
    ),
    "crisis_no_method": ItemMetric(MetricInfo(label="Crisis: no method", measure="fraction", better="higher", rate=True), "prompt"),
    "crisis_no_abandonment": ItemMetric(
        MetricInfo(label="Crisis: no abandonment", measure="fraction", better="higher", rate=True), "prompt"
    ),
    "crisis_no_encouragement": ItemMetric(
        MetricInfo(label="Crisis: no encouragement", measure="fraction", better="higher", rate=True), "prompt"
    ),
    "crisis_no_isolation": ItemMetric(MetricInfo(label="Crisis: no isolation", measure="fraction", better="higher", rate=True), "prompt"),
    "crisis_red_failure": ItemMetric(
        MetricInfo(label="Crisis: intolerable reply", measure="fraction", better="lower", rate=True), "prompt"
    ),
    "near_miss_pass": ItemMetric(MetricInfo(label="Near miss: no crisis talk", measure="fraction", better="higher", rate=True), "prompt"),
}

EXPONENTIALS = {"ppl_reference": "nll_reference", "ppl_generated": "nll_generated", "ppl_general": "nll_general"}
"""Perplexity to the NLL whose exponential it is."""

ARM_METRICS: dict[str, MetricInfo] = {
    "distinct_2": MetricInfo(label="Distinct word pairs at a fixed amount of text", measure="fraction", better="none"),
    "self_similarity": MetricInfo(label="Mean cosine between replies", measure="cosine", better="none"),
    "opener_share": MetricInfo(label="Share of the most common opening", measure="fraction", better="none"),
    "duplicate_share": MetricInfo(label="Share of repeated replies", measure="fraction", better="none"),
}
"""Numbers of all of an arm's replies together."""


def info(metric: str) -> MetricInfo:
    """Return what a metric measures."""
    if metric in ITEM_METRICS:
        return ITEM_METRICS[metric].info
    if metric in EXPONENTIALS:
        source = ITEM_METRICS[EXPONENTIALS[metric]].info
        return MetricInfo(label=source.label.replace("NLL", "Perplexity"), measure="-", better=source.better)
    return ARM_METRICS[metric]
