"""Scores of masked text against gold marks: entity recall and token precision of TAB (Pilan et al. 2022), span recall of SPIA.

A document is a row of a ``pii.jsonl``: ``text``, ``spans`` with ``start``, ``end``, ``identifier_type`` (DIRECT, QUASI) and for some sets
``no_mask``. Masks are ranges of characters (start, end) per document, in any order, overlapping or not.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Range = tuple[int, int]
Document = Mapping[str, Any]

_WORD = re.compile(r"\w+")
CLOSED_CLASS = frozenset((Path(__file__).parent / "closed_class_words.txt").read_text(encoding="utf-8").split())
"""Words that tell nothing by themselves; masking them is neither right nor wrong (TAB leaves out the same classes by part of speech)."""


@dataclass(frozen=True)
class Share:
    """A share of counted things."""

    hits: int
    total: int

    @property
    def value(self) -> float:
        """The share, 0-1; 1 of nothing."""
        return self.hits / self.total if self.total else 1.0


@dataclass(frozen=True)
class TabScores:
    """What TAB's own evaluation prints."""

    direct: Share
    """Entities marked DIRECT of which every mention is wholly masked."""
    quasi: Share
    """The same for QUASI."""
    precision: Share
    """Masked words, outside closed classes, that lie in a mark."""


@dataclass(frozen=True)
class SpiaScores:
    """Recall by span, whatever the types; a span counts when it is wholly masked."""

    direct: Share
    quasi: Share
    touched: Share
    """Direct spans of which at least one character is masked: the rest are full leaks."""
    precision: Share
    """Masked words, outside closed classes, that lie in a mark; those under ``no_mask`` count neither way."""


def tab_scores(documents: Sequence[Document], masks: Sequence[Iterable[Range]]) -> TabScores:
    """Score documents of TAB; equal texts of equal type within a document are one entity, its strictest mark counts."""
    counts = {"DIRECT": [0, 0], "QUASI": [0, 0]}
    right = total = 0
    for document, ranges in zip(documents, masks, strict=True):
        masked = _covered(document["text"], ranges)
        mentions: dict[tuple[str, str], list[Document]] = defaultdict(list)
        for span in document["spans"]:
            if span.get("identifier_type") in counts:
                mentions[span["type"], document["text"][span["start"] : span["end"]]].append(span)
        for spans in mentions.values():
            mark = "DIRECT" if any(span["identifier_type"] == "DIRECT" for span in spans) else "QUASI"
            counts[mark][0] += all(_wholly(document["text"], span, masked) for span in spans)
            counts[mark][1] += 1
        gold = _covered(document["text"], ((span["start"], span["end"]) for spans in mentions.values() for span in spans))
        hits, words = _precision(document["text"], masked, gold, set())
        right, total = right + hits, total + words
    return TabScores(Share(*counts["DIRECT"]), Share(*counts["QUASI"]), Share(right, total))


def spia_scores(documents: Sequence[Document], masks: Sequence[Iterable[Range]]) -> SpiaScores:
    """Score posts of SPIA span by span."""
    counts = {"DIRECT": [0, 0], "QUASI": [0, 0]}
    touched = right = total = 0
    for document, ranges in zip(documents, masks, strict=True):
        text = document["text"]
        masked = _covered(text, ranges)
        for span in document["spans"]:
            counts[span["identifier_type"]][0] += _wholly(text, span, masked)
            counts[span["identifier_type"]][1] += 1
            touched += span["identifier_type"] == "DIRECT" and not masked.isdisjoint(range(span["start"], span["end"]))
        gold = _covered(text, ((span["start"], span["end"]) for span in document["spans"]))
        free = _covered(text, ((span["start"], span["end"]) for span in document.get("no_mask", [])))
        hits, words = _precision(text, masked, gold, free)
        right, total = right + hits, total + words
    direct = Share(*counts["DIRECT"])
    return SpiaScores(direct, Share(*counts["QUASI"]), Share(touched, direct.total), Share(right, total))


def masked_fraction(texts: Sequence[str], masks: Sequence[Iterable[Range]]) -> float:
    """Return the share of characters that are masked, 0-1."""
    masked = sum(len(_covered(text, ranges)) for text, ranges in zip(texts, masks, strict=True))
    return masked / max(1, sum(map(len, texts)))


def _covered(text: str, ranges: Iterable[Range]) -> set[int]:
    return {position for start, end in ranges for position in range(max(0, start), min(end, len(text)))}


def _wholly(text: str, span: Document, masked: set[int]) -> bool:
    """Say whether every letter and figure of a span is masked; what stands between words hides nothing."""
    return all(position in masked for position in range(span["start"], span["end"]) if text[position].isalnum())


def _precision(text: str, masked: set[int], gold: set[int], free: set[int]) -> tuple[int, int]:
    right = total = 0
    for match in _WORD.finditer(text):
        positions = range(*match.span())
        if match.group().lower() in CLOSED_CLASS or masked.isdisjoint(positions) or not free.isdisjoint(positions):
            continue
        total += 1
        right += not gold.isdisjoint(positions)
    return right, total
