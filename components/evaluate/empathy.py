"""The empathy scorer: rated replies in, expected level of each EPITOME mechanism out.

Independent of the reward model by construction: other labels (levels, not preferences), another feature family (word n-grams, sentence
embeddings, surface counts; not the policy's backbone), other people. Measured on EPITOME, error correlation between two scorers falls
with the feature family (.4), hardly with the data (.7).

It reads the reply alone: the same reply to any person gets the same score, and canned warmth scores high. Relevance, diversity and the
crisis rules stand beside it for that reason.
"""

import re
from collections.abc import Iterable, Sequence

import numpy
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import StratifiedGroupKFold

from components.evaluate import lexical
from components.evaluate.inputs import MECHANISMS, EmpathyRating
from components.shared.errors import ContractError
from components.shared.eval_report import MechanismScorer
from components.shared.progress import progress

FEATURES = "TF-IDF of word 1-2 grams + MiniLM sentence embedding + 9 lexical counts, class-balanced logistic regression"
# Best of 12 settings by 3-fold grouped cross-validation on EPITOME's training part: accuracy / macro-F1 .794/.748, .810/.563, .917/.681.
_INVERSE_REGULARISATION = 3.0
_LEXICAL_WEIGHT = 0.1  # standardised counts would outweigh TF-IDF's unit rows
_DISTINCTIVE_WORDS = 6
_TOKEN = re.compile(r"\w+")
_TOLERANCE, _MAX_ITERATIONS = 1e-3, 300

Embeddings = NDArray[numpy.float32]
Array = NDArray[numpy.float64]


class _Features:
    """Text features fitted on the training replies alone."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._tfidf = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True).fit(texts)
        counts = lexical.features(texts)
        self._centre, self._scale = counts.mean(axis=0), counts.std(axis=0) + 1e-9

    def __call__(self, texts: Sequence[str], embeddings: Embeddings) -> sparse.csr_matrix:
        counts = _LEXICAL_WEIGHT * (lexical.features(texts) - self._centre) / self._scale
        return sparse.hstack([self._tfidf.transform(texts), embeddings, counts]).tocsr()


class EmpathyModel:
    """One classifier per mechanism over shared features."""

    def __init__(self, texts: Sequence[str], embeddings: Embeddings, levels: dict[str, NDArray[numpy.int64]]) -> None:
        """Train on rated replies.

        Args:
            texts: n replies.
            embeddings: theirs, shape (n, 384).
            levels: mechanism to level of each reply, shape (n,).
        """
        self._features = _Features(texts)
        matrix = self._features(texts, embeddings)
        self._classifiers = {
            name: LogisticRegression(C=_INVERSE_REGULARISATION, class_weight="balanced", tol=_TOLERANCE, max_iter=_MAX_ITERATIONS).fit(
                matrix, values
            )
            for name, values in levels.items()
        }

    def expected_levels(self, texts: Sequence[str], embeddings: Embeddings) -> dict[str, Array]:
        """Return the expected level ``sum_k k p(k | reply)`` per mechanism, between 0 and 2, shape (n,) each."""
        matrix = self._features(texts, embeddings)
        return {name: classifier.predict_proba(matrix) @ classifier.classes_ for name, classifier in self._classifiers.items()}

    def predict(self, texts: Sequence[str], embeddings: Embeddings) -> dict[str, NDArray[numpy.int64]]:
        """Return the most probable level per mechanism, shape (n,) each."""
        matrix = self._features(texts, embeddings)
        return {name: classifier.predict(matrix) for name, classifier in self._classifiers.items()}


def rated_levels(ratings: Sequence[EmpathyRating]) -> dict[str, NDArray[numpy.int64]]:
    """Return mechanism to levels, shape (n,).

    Raises:
        ContractError: a mechanism has the same level in every row, so nothing can be learned.
    """
    levels = {name: numpy.array([getattr(rating, name) for rating in ratings]) for name in MECHANISMS}
    for name, values in levels.items():
        if len(set(values.tolist())) < 2:
            raise ContractError(f"all {len(ratings)} empathy ratings have the same level of {name}; a scorer needs at least two levels")
    return levels


def cross_validate(
    texts: Sequence[str], embeddings: Embeddings, levels: dict[str, NDArray[numpy.int64]], groups: Sequence[int], folds: int, seed: int
) -> dict[str, MechanismScorer]:
    """Predict each reply by a scorer that saw neither it nor its group, and return the agreement per mechanism.

    Raises:
        ContractError: there are fewer groups than folds.
    """
    count = len(set(groups))
    if count < folds:
        raise ContractError(f"{len(texts)} empathy ratings form {count} groups, fewer than {folds} folds; give more ratings or fewer folds")
    mechanisms = {}
    with progress("empathy scorer", len(levels) * folds) as bar:
        for name, values in levels.items():
            predicted = numpy.zeros_like(values)
            splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
            for train, held_out in splitter.split(texts, values, groups):
                model = EmpathyModel([texts[i] for i in train], embeddings[train], {name: values[train]})
                predicted[held_out] = model.predict([texts[i] for i in held_out], embeddings[held_out])[name]
                bar.advance()
            mechanisms[name] = _agreement(values, predicted)
    return mechanisms


def rating_groups(ratings: Sequence[EmpathyRating]) -> list[int]:
    """Return a group number per rating: ratings that share the person or a distinctive text, directly or through others, are one."""
    parents = list(range(len(ratings)))

    def root(index: int) -> int:
        while parents[index] != index:
            parents[index] = parents[parents[index]]
            index = parents[index]
        return index

    first_with: dict[tuple[str, str], int] = {}
    for index, rating in enumerate(ratings):
        keys = [
            (kind, normalise(text)) for kind, text in (("seeker", rating.seeker), ("response", rating.response)) if is_distinctive(text)
        ]
        if rating.person_id:
            keys.append(("person", rating.person_id))
        for key in keys:
            parents[root(index)] = root(first_with.setdefault(key, index))
    return [root(index) for index in range(len(ratings))]


def normalise(text: str) -> str:
    """Return the text's words and numbers alone, so that punctuation, case and spacing do not hide equality."""
    return " ".join(_TOKEN.findall(text.lower()))


def is_distinctive(text: str) -> bool:
    """Say whether equality of a text means anything: many people say "thank you"."""
    return len(_TOKEN.findall(text)) >= _DISTINCTIVE_WORDS


def _agreement(actual: NDArray[numpy.int64], predicted: NDArray[numpy.int64]) -> MechanismScorer:
    counts = {str(level): int((actual == level).sum()) for level in sorted(set(_integers(actual)))}
    return MechanismScorer(
        accuracy=float(accuracy_score(actual, predicted)),
        macro_f1=float(f1_score(actual, predicted, average="macro")),
        majority_accuracy=max(counts.values()) / len(actual),
        counts=counts,
    )


def _integers(values: Iterable[int]) -> list[int]:
    return [int(value) for value in values]
