"""Settings of the anonymize stage: how personal data are found, what replaces them, and when the result is refused."""

from typing import Literal

from pydantic import Field

from components.anonymize.policy import Policy
from components.shared.config import StageConfig


class EngineSettings(StageConfig):
    """Which engines look; the rules always do. What any of them finds is found."""

    morphology: Literal["on", "off"] = "on"
    """Russian by natasha and pymorphy3: names in every case, where lists and cues end."""

    neural: Literal["on", "off"] = "on"
    """English by a small head on a frozen MiniLM: names, places and jobs that no list holds."""

    model: str = ""
    """A NER model of your own beside them: ``spacy:NAME`` or ``transformers:NAME[@REVISION]``, NAME may be a folder."""

    on_missing: Literal["fail", "degrade"] = "fail"
    """What an engine that is not installed means: stop, or go on without it and count it (``engines_missing``)."""


class AnonymizeConfig(StageConfig):
    """What is personal, what replaces it, and which result is good enough."""

    policy: Policy = Field(default_factory=lambda: Policy.load("surrogates"))
    """What replaces each type: ``surrogates``, ``placeholders``, ``strict``, or the path of a YAML file. Read where the run is started."""

    engines: EngineSettings = EngineSettings()
    """Which engines look."""

    vault: str = ""
    """Folder (local or fsspec URI) for the encrypted way back from surrogates to originals, under the key in ATTUNE_VAULT_KEY; empty: none.
    While it exists, the law treats the output as personal data. Give it a place and a role of its own."""

    second_look: float = Field(default=0.8, gt=0.0, le=1.0)
    """The second look, over the finished text, counts a direct identifier as left from the engines' own thresholds times this. Lower finds
    more and quarantines more: of support dialogues (ESConv) about one in twenty at 0.8."""

    max_leak_fraction: float = Field(default=0.0, ge=0.0, le=1.0)
    """Share of rows in which an original value may survive and be quarantined; above it the stage writes no data and fails."""

    max_suspect_fraction: float = Field(default=0.1, ge=0.0, le=1.0)
    """Share of rows that the second look may quarantine; above it the stage writes no data and fails."""

    min_recall: float | None = Field(default=None, ge=0.0, le=1.0)
    """Recall of direct identifiers that must be reached where gold spans exist; unset: reported, not required."""

    workers: int = Field(default=0, ge=0, le=64)
    """Processes; 0: as many as CPUs are available. The output does not depend on it."""
