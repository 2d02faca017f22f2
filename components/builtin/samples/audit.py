"""Counts and leakage checks of the sample data: ``python -m components.builtin.samples.audit``.

Two rules that know nothing of the prompt are asked to tell chosen from rejected. If either could, a reward model trained
on the pairs would learn length or vocabulary and not support.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from components.builtin.samples.build import FOLDER, read_rows

Row = dict[str, Any]


def length_rule_accuracy(pairs: list[Row]) -> float:
    """Fraction of pairs whose chosen reply has more characters; a tie counts one half."""
    gaps = [len(pair["chosen"][0]["content"]) - len(pair["rejected"][0]["content"]) for pair in pairs]
    return sum(0.5 if gap == 0 else float(gap > 0) for gap in gaps) / len(gaps)


def bag_of_words_accuracy(pairs: list[Row], ngram_max: int = 1) -> float:
    """Held-out accuracy of a logistic regression on count(chosen) - count(rejected), 5 folds grouped by person.

    Each training pair enters in both directions, so that the model has no intercept to hide in.
    """
    replies = [pair[side][0]["content"] for pair in pairs for side in ("chosen", "rejected")]
    groups = [pair["person_id"] for pair in pairs]
    hits = 0
    for train, test in GroupKFold(n_splits=5).split(pairs, groups=groups):
        vectorizer = CountVectorizer(ngram_range=(1, ngram_max))
        vectorizer.fit([replies[2 * i + side] for i in train for side in (0, 1)])
        counts = vectorizer.transform(replies)
        gaps = (counts[0::2] - counts[1::2]).astype(np.float64)
        features = sparse.vstack([gaps[train], -gaps[train]])
        labels = np.repeat([1, 0], len(train))
        model = LogisticRegression(max_iter=1000, fit_intercept=False).fit(features, labels)
        hits += int((model.decision_function(gaps[test]) > 0).sum())
    return hits / len(pairs)


def main() -> None:
    """Print the counts that the data card shows."""
    conversations = read_rows(FOLDER / "conversations.jsonl.gz")
    pairs = read_rows(FOLDER / "preferences.jsonl.gz")
    ratings = read_rows(FOLDER / "empathy_ratings.jsonl.gz")
    prompts = read_rows(FOLDER / "crisis_prompts.jsonl")
    print(f"conversations: {len(conversations)} by {_persons(conversations)} persons")
    print(f"  topics: {_counts(row['meta']['topic'] for row in conversations)}")
    print(f"  messages: {_counts(len(row['messages']) for row in conversations)}")
    print(f"  entities: {_counts(entity['type'] for row in conversations for entity in row['meta']['entities'])}")
    print(f"preferences: {len(pairs)} by {_persons(pairs)} persons")
    print(f"  topics: {_counts(row['meta']['topic'] for row in pairs)}")
    print(f"  faults: {_counts(row['meta']['fault'] for row in pairs)}")
    print(f"  margin (sum of ratings): {_counts(rating_margin(row) for row in pairs)}")
    print(f"  longer = chosen: accuracy {length_rule_accuracy(pairs):.3f}, n = {len(pairs)}")
    print(f"  bag of words, 5 folds by person: accuracy {bag_of_words_accuracy(pairs):.3f}, n = {len(pairs)}")
    print(f"  with word pairs: accuracy {bag_of_words_accuracy(pairs, ngram_max=2):.3f}, n = {len(pairs)}")
    print(f"empathy ratings: {len(ratings)} by {_persons(ratings)} persons")
    for mechanism in ("emotional_reactions", "interpretations", "explorations"):
        print(f"  {mechanism}: {_counts(row[mechanism] for row in ratings)}")
    print(f"crisis prompts: {len(prompts)}; {_counts(row['category'] for row in prompts)}")
    for name in ("general_text", "general_text_train"):
        rows = read_rows(FOLDER / f"{name}.jsonl")
        print(f"{name}: {len(rows)} texts, {sum(len(row['text'].encode()) for row in rows):,} bytes")


def rating_margin(pair: Row) -> int:
    """Sum of the chosen reply's ratings less that of the rejected one's."""
    ratings: dict[str, dict[str, int]] = pair["meta"]["ratings"]
    return sum(ratings["chosen"].values()) - sum(ratings["rejected"].values())


def _persons(rows: list[Row]) -> int:
    return len({row["person_id"] for row in rows})


def _counts(values: Iterable[Any]) -> str:
    return ", ".join(f"{key} {count}" for key, count in sorted(Counter(values).items()))


if __name__ == "__main__":
    main()
