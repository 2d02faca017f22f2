"""Marked texts: court cases (TAB) and social posts (SPIA), type-blind, under the strict policy."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from tests.benchmarks.anonymize_bounds import Line, Table, recall, share
from tests.benchmarks.anonymize_engines import Setup, spans_of_many
from tests.benchmarks.deid_metrics import Document, Range, Share, SpiaScores, TabScores, spia_scores, tab_scores

_POLICY = "strict"
_Scorer = Callable[[Sequence[Document], Sequence[list[Range]]], TabScores | SpiaScores]


def tab(setup: Setup) -> list[Table]:
    """Score the marked test documents; an entity is found when all its mentions in the document are masked."""
    documents = [row for row in _rows(setup, "tab/pii.jsonl") if row["meta"]["marks"] == "one annotator"]
    masks = _masks(documents, setup)
    scores = tab_scores(documents, masks)
    lines = [_line("recall direct", scores.direct, 0.995), _line("recall quasi", scores.quasi, 0.92)]
    lines.append(_precision(tab_scores, documents, masks, 0.60))
    remarks = [
        f"{len(documents)} documents marked by one annotator; wanted: quasi >= 0.92 at precision >= 0.60, or >= 0.87 at >= 0.80",
        _missed(tab_scores, documents, masks),
    ]
    return [Table("1. TAB, court cases (entities, all mentions masked)", lines, remarks)]


def spia(setup: Setup) -> list[Table]:
    """Score the social posts, span by span."""
    documents = _rows(setup, "spia/pii.jsonl")
    documents = documents[: max(8, setup.amount(len(documents)))]
    masks = _masks(documents, setup)
    scores = spia_scores(documents, masks)
    lines = [
        _line("recall direct", scores.direct, 0.985),
        _line("direct touched", scores.touched),
        _line("recall quasi", scores.quasi, 0.65),
        _precision(spia_scores, documents, masks),
    ]
    return [Table("2. SPIA, social posts (spans)", lines, [_missed(spia_scores, documents, masks)])]


def _rows(setup: Setup, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (setup.data / name).read_text(encoding="utf-8").splitlines()]


def _masks(documents: Sequence[Document], setup: Setup) -> list[list[Range]]:
    found = spans_of_many([[document["text"]] for document in documents], setup, _POLICY)
    return [[(span.start, span.end) for span in spans] for (spans,) in found]


def _line(name: str, counted: Share, target: float | None = None) -> Line:
    return recall(name, counted.hits, counted.total, target)


def _precision(scorer: _Scorer, documents: Sequence[Document], masks: Sequence[list[Range]], target: float | None = None) -> Line:
    """Return the share of masked words that lie in a mark; words of one document depend on each other, so documents are resampled."""
    counted = [scorer([document], [ranges]).precision for document, ranges in zip(documents, masks, strict=True)]
    return share("token precision", [(one.hits, one.total) for one in counted], "at least", target, "bound by resampling documents")


def _missed(scorer: _Scorer, documents: Sequence[Document], masks: Sequence[list[Range]]) -> str:
    """Count what is missed by mark and type, by scoring each type alone."""
    types = sorted({span["type"] for document in documents for span in document["spans"]})
    missed: dict[str, int] = {}
    for name in types:
        alone = [{**document, "spans": [span for span in document["spans"] if span["type"] == name]} for document in documents]
        scores = scorer(alone, masks)
        missed |= {f"{mark} {name}": counted.total - counted.hits for mark, counted in (("direct", scores.direct), ("quasi", scores.quasi))}
    ordered = sorted(((number, name) for name, number in missed.items() if number), key=lambda item: (-item[0], item[1]))
    return "missed: " + (", ".join(f"{name} {number}" for number, name in ordered) or "none")
