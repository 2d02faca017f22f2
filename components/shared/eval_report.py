"""The layout of ``eval_report/v1``: what evaluate writes and register's gate reads (torch-free).

``summary.json`` is one ``EvalReport``; ``items.jsonl`` one ``ItemScore`` a line, from which every number of the summary can be computed
again; ``replies.jsonl`` what the models wrote, naming prompts by id. A metric missing from ``arms`` was switched off, never zero.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from components.shared.artifacts import Manifest, open_sealed
from components.shared.errors import ContractError

EVAL_REPORT_SCHEMA = "eval_report/v1"
SUMMARY_FILE = "summary.json"
ITEMS_FILE = "items.jsonl"
REPLIES_FILE = "replies.jsonl"
ARMS = ("base", "sft", "ppo")
COMPARISONS = (("ppo", "sft"), ("ppo", "base"), ("sft", "base"))
"""Candidate and baseline."""
Unit = Literal["person", "dialogue", "prompt", "text"]
Direction = Literal["higher", "lower", "none"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MetricInfo(_Frozen):
    """What a metric measures."""

    label: str
    """For people."""
    measure: str
    """Unit of the value: nats/token, bits/byte, level 0-2, cosine, fraction, words."""
    better: Direction
    """Which way is better; ``none`` marks a descriptive number: no test of the gate may rest on it, only a guard against collapse."""
    rate: bool = False
    """Each item is 0 or 1: intervals are Clopper-Pearson (arms) and Newcombe (differences)."""


class Estimate(_Frozen):
    """A metric of one arm. Intervals resample units (people), not items."""

    mean: float
    low: float | None = None
    """Two-sided 95 % interval; None where there is none (one unit, or a number of the whole arm such as distinct-2)."""
    high: float | None = None
    lower_bound: float | None = None
    """One-sided 95 % bounds: the ends of the two-sided 90 % interval."""
    upper_bound: float | None = None
    n: int
    """Number of units."""


class Comparison(_Frozen):
    """Candidate minus baseline of one metric, paired by unit."""

    metric: str
    candidate: str
    baseline: str
    difference: float
    low: float | None
    """Two-sided 95 % interval; None when there are fewer than two units."""
    high: float | None
    lower_bound: float | None
    """One-sided 95 % bounds, for non-inferiority: a higher-is-better metric is not inferior when lower_bound > -margin."""
    upper_bound: float | None
    p_value: float
    """Two-sided paired permutation (sign-flip) test of no difference."""
    p_greater: float
    """One-sided: small when the candidate's value is higher."""
    p_less: float
    """One-sided: small when the candidate's value is lower."""
    p_holm: float | None = None
    """p_greater after Holm's correction over the three empathy mechanisms of this pair of arms; None for other metrics."""
    n: int
    unit: Unit


class MechanismScorer(_Frozen):
    """How well the empathy scorer predicts one mechanism, out of fold (grouped cross-validation)."""

    accuracy: float
    macro_f1: float
    majority_accuracy: float
    counts: dict[str, int]
    """Level to number of rated replies."""


class EmpathyScorer(_Frozen):
    """The scorer behind the ``empathy_*`` metrics, and why it is not the reward model."""

    features: str
    n: int
    folds: int
    groups: int
    mechanisms: dict[str, MechanismScorer]
    encoder_digest: str
    """Sha256 of the sentence encoder's weights."""
    ratings_digest: str
    """Sha256 of the ratings file."""
    seekers_digest: str
    """Sha256 over the set of rated seeker texts (normalised, hashed) and, where rows name them, people."""
    shared_people: int
    """People that the ratings and the preference pairs or conversations of the test split have in common."""
    shared_texts: int
    """Seeker texts that also occur in the test split."""
    independent: bool
    """Whether both are zero."""


class EvalReport(_Frozen):
    """``summary.json``."""

    arms: dict[str, dict[str, Estimate]]
    """Arm (base, sft, ppo) to metric to estimate."""
    comparisons: list[Comparison]
    metrics: dict[str, MetricInfo]
    scorer: EmpathyScorer | None
    """None when the empathy section is off."""
    test_digest: str
    """Manifest digest of the test split."""
    base_digest: str
    adapter_digests: dict[str, str]
    """Arm to manifest digest; no entry for base."""
    evaluation_digest: str
    """Over the ratings, crisis prompts and general text, as preflight saw them."""
    facts: dict[str, Any] = Field(default_factory=dict)
    """Counts and settings: conversations, prompts, cut replies, decoding, seeds."""

    def estimate(self, arm: str, metric: str) -> Estimate:
        """Return one number.

        Raises:
            ContractError: the evaluation did not measure it.
        """
        try:
            return self.arms[arm][metric]
        except KeyError:
            known = ", ".join(sorted(self.metrics))
            raise ContractError(f"the evaluation holds no {metric!r} of arm {arm!r}; it measured: {known}") from None

    def comparison(self, metric: str, candidate: str, baseline: str) -> Comparison:
        """Return one difference.

        Raises:
            ContractError: the evaluation did not compare it.
        """
        for comparison in self.comparisons:
            if (comparison.metric, comparison.candidate, comparison.baseline) == (metric, candidate, baseline):
                return comparison
        raise ContractError(f"the evaluation holds no {metric!r} of {candidate} against {baseline}; is its section switched off?")


class ItemScore(_Frozen):
    """One line of ``items.jsonl``."""

    item: str
    """Id of the conversation, prompt or text."""
    unit: str
    """Who or what it belongs to: person, prompt or text id; resampled and permuted as one."""
    arm: str
    metric: str
    value: float
    n_tokens: int
    n_bytes: int


class Reply(_Frozen):
    """One line of ``replies.jsonl``: what a model wrote."""

    item: str
    kind: Literal["support", "crisis", "near_miss"]
    arm: str
    reply: str
    n_tokens: int
    truncated: bool
    """Cut by the token limit before its end-of-turn token."""


class EvaluationArtifact:
    """An opened ``eval_report/v1`` directory."""

    def __init__(self, artifact: Any) -> None:
        """Open an input artifact; see ``artifacts.open_sealed`` for its errors."""
        self.directory: Path
        self.manifest: Manifest
        self.directory, self.manifest = open_sealed(artifact, EVAL_REPORT_SCHEMA)

    def report(self) -> EvalReport:
        """Return the summary."""
        return EvalReport.model_validate_json((self.directory / SUMMARY_FILE).read_text(encoding="utf-8"))

    def items(self) -> Iterator[ItemScore]:
        """Yield every metric of every item and arm."""
        with (self.directory / ITEMS_FILE).open(encoding="utf-8") as file:
            yield from (ItemScore.model_validate_json(line) for line in file)
