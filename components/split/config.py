"""Settings of the split stage."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from components.shared.config import StageConfig

_TOLERANCE = 1e-6


class SplitConfig(StageConfig):
    """How people are divided, and what counts as the same text."""

    train_fraction: float = Field(default=0.8, gt=0.0, lt=1.0)
    """Share of the rows to learn from."""

    validation_fraction: float = Field(default=0.1, gt=0.0, lt=1.0)
    """Share of the rows for choices during training."""

    test_fraction: float = Field(default=0.1, gt=0.0, lt=1.0)
    """Share of the rows that only evaluate looks at."""

    seed: int = 0
    """Decides who goes where; the same seed and rows give byte-equal artifacts."""

    similarity: float = Field(default=0.7, ge=0.5, le=1.0)
    """Jaccard similarity of word triples from which two texts are near-duplicates (0.7: Lee et al. 2022 use 0.8 on web pages; dialogues
    share fewer stock phrases). 1 finds exact duplicates only."""

    min_words: int = Field(default=8, ge=1)
    """Words; shorter texts ("hi, are you there?") are alike without meaning it and link nobody."""

    remove_duplicates: bool = True
    """Keep one of several near-duplicate rows in train. Validation and test keep theirs: they measure what users bring."""

    allow_identified: bool = False
    """Accept rows that anonymize has not passed. Only for data that were public or synthetic from the start."""

    num_canaries: int = Field(default=0, ge=0, le=200)
    """Made-up secrets of each of three kinds to plant in train, so that privacy_audit can measure what a model memorises. 0: none, because
    the promoted model would carry them; 20 make a median and a maximum that mean something (Carlini et al. 2019)."""

    canary_repetitions: tuple[Annotated[int, Field(ge=1)], ...] = Field(default=(1, 4), min_length=1)
    """Copies of a planted secret; the secrets of a kind take them in turn."""

    canary_language: Literal["en", "ru", "uz"] = "en"
    """Language of the turns around the secret: the one that most of the data are in."""

    @model_validator(mode="after")
    def _sum_to_one(self) -> Self:
        total = self.train_fraction + self.validation_fraction + self.test_fraction
        if abs(total - 1.0) > _TOLERANCE:
            raise ValueError(f"train_fraction + validation_fraction + test_fraction is {total:g}, but 1 is wanted")
        return self
