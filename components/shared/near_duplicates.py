"""Texts that are nearly the same: MinHash signatures and locality-sensitive hashing (Broder 1997; Indyk and Motwani 1998)."""

import re
from collections.abc import Iterator

from datasketch import MinHash, MinHashLSH

PERMUTATIONS = 128
_SHINGLE_WORDS = 3
_SEARCH_MARGIN = 0.15
"""Candidates are sought this far below the similarity, so that the estimate decides and not the luck of a band."""
_PLACEHOLDER = re.compile(r"\[[A-Z]+_\d+\]")
_WORD = re.compile(r"\w+")


def shingles(text: str) -> frozenset[str]:
    """Return the word triples of a text, casefolded, placeholders blanked (two people's stories may differ in nothing else)."""
    words = _WORD.findall(_PLACEHOLDER.sub(" _ ", text).casefold())
    if len(words) <= _SHINGLE_WORDS:
        return frozenset([" ".join(words)])
    return frozenset(" ".join(words[start : start + _SHINGLE_WORDS]) for start in range(len(words) - _SHINGLE_WORDS + 1))


def count_words(text: str) -> int:
    """Return the number of words."""
    return len(_WORD.findall(text))


class NearDuplicateIndex:
    """Finds earlier texts that a text nearly repeats."""

    def __init__(self, similarity: float) -> None:
        self._similarity = similarity
        self._signatures: dict[int, MinHash] = {}
        self._exact: dict[frozenset[str], list[int]] = {}
        self._lsh = MinHashLSH(threshold=max(0.3, similarity - _SEARCH_MARGIN), num_perm=PERMUTATIONS) if similarity < 1.0 else None

    def matches(self, text: str) -> Iterator[int]:
        """Yield the numbers of the added texts that are at least as similar as asked (estimated, standard error below 0.045)."""
        wanted = shingles(text)
        yield from self._matches(wanted, self._signature(wanted))

    def add(self, number: int, text: str) -> None:
        """Remember a text under a number."""
        wanted = shingles(text)
        self._add(number, wanted, self._signature(wanted))

    def match_and_add(self, number: int, text: str) -> list[int]:
        """Return the numbers of the similar texts, ascending, and remember the text: both for one signature."""
        wanted = shingles(text)
        signature = self._signature(wanted)
        found = sorted(set(self._matches(wanted, signature)))
        self._add(number, wanted, signature)
        return found

    def _signature(self, wanted: frozenset[str]) -> MinHash | None:
        return None if self._lsh is None else _signature(wanted)

    def _matches(self, wanted: frozenset[str], signature: MinHash | None) -> Iterator[int]:
        yield from self._exact.get(wanted, ())
        if self._lsh is None or signature is None:
            return
        for number in sorted(self._lsh.query(signature)):
            if signature.jaccard(self._signatures[number]) >= self._similarity:
                yield number

    def _add(self, number: int, wanted: frozenset[str], signature: MinHash | None) -> None:
        self._exact.setdefault(wanted, []).append(number)
        if self._lsh is not None and signature is not None:
            self._signatures[number] = signature
            self._lsh.insert(number, signature)


class NearDuplicateRows:
    """Rows of several parts: a row repeats an earlier one only where every part does (two replies to one prompt make new pairs)."""

    def __init__(self, similarity: float) -> None:
        self._similarity = similarity
        self._parts: list[NearDuplicateIndex] = []
        self._count = 0

    def add_unless_known(self, parts: list[str]) -> bool:
        """Remember a row and return True, or return False where an earlier row is its near-duplicate."""
        if not self._parts:
            self._parts = [NearDuplicateIndex(self._similarity) for _ in parts]
        earlier = [set(index.matches(part)) for index, part in zip(self._parts, parts, strict=True)]
        if set.intersection(*earlier):
            return False
        for index, part in zip(self._parts, parts, strict=True):
            index.add(self._count, part)
        self._count += 1
        return True


def _signature(wanted: frozenset[str]) -> MinHash:
    signature = MinHash(num_perm=PERMUTATIONS)
    signature.update_batch([shingle.encode() for shingle in sorted(wanted)])
    return signature
