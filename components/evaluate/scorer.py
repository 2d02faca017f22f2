"""Trains the empathy scorer inside the stage, and says how good and how independent it is."""

from collections.abc import Sequence

from components.evaluate.config import EvaluateConfig
from components.evaluate.empathy import FEATURES, EmpathyModel, cross_validate, rated_levels, rating_groups
from components.evaluate.held_out import Overlap
from components.evaluate.inputs import EmpathyRating
from components.evaluate.sentence_embedding import SentenceEncoder
from components.shared.eval_report import EmpathyScorer


def train_scorer(
    ratings: Sequence[EmpathyRating], encoder: SentenceEncoder, overlap: Overlap, ratings_digest: str, settings: EvaluateConfig
) -> tuple[EmpathyModel, EmpathyScorer]:
    """Train on all ratings and cross-validate by groups.

    Raises:
        ContractError: the ratings have one level only, or too few groups.
    """
    texts = [rating.response for rating in ratings]
    levels = rated_levels(ratings)
    embeddings = encoder.encode(texts, settings.embedding_batch_size, "embedding ratings")
    groups = rating_groups(ratings)
    mechanisms = cross_validate(texts, embeddings, levels, groups, settings.folds, settings.seed)
    facts = EmpathyScorer(
        features=FEATURES,
        n=len(ratings),
        folds=settings.folds,
        groups=len(set(groups)),
        mechanisms=mechanisms,
        encoder_digest=encoder.digest,
        ratings_digest=ratings_digest,
        seekers_digest=overlap.seekers_digest,
        shared_people=overlap.people,
        shared_texts=overlap.texts,
        independent=overlap.people == 0 and overlap.texts == 0,
    )
    return EmpathyModel(texts, embeddings, levels), facts
