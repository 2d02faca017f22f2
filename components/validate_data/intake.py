"""Taking in one raw file: every row ends among the accepted or in quarantine, none in neither, none in both."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.shared.errors import ContractError
from components.shared.near_duplicates import NearDuplicateIndex, count_words
from components.shared.records import Conversation, PreferencePair
from components.validate_data.config import ValidateDataConfig
from components.validate_data.features import Features
from components.validate_data.reading import RawFile, RawRow
from components.validate_data.reasons import REFUSALS, REPAIRS, REVIEWS, Finding, severity
from components.validate_data.review import Review
from components.validate_data.rows import Checked

_SHOWN_LINES = 5


@dataclass(frozen=True)
class RowKind:
    """What differs between dialogues and preference pairs.

    Attributes:
        check: from raw row to row, or to the reasons why not.
        features_of: from row and findings to text-free features.
        review: a second look at a well-formed row.
        file: name of the JSONL file in the output artifact.
    """

    check: Callable[[RawRow, str, ValidateDataConfig], Checked]
    features_of: Callable[[Any, Sequence[Finding]], Features]
    review: Callable[[Any, Sequence[int], ValidateDataConfig], Review]
    file: str


@dataclass
class Intake:
    """What came of a file.

    Attributes:
        uri, format: of the raw file.
        rows_in: rows that the file has.
        accepted: features of the accepted rows, in file order.
        lines: line number of each accepted row.
        quarantined: one entry a refused row: file, line, id, codes, at, severity.
        repaired: the same for rows that were changed and kept.
        reviewed: the same for rows that somebody should look at and that were kept.
    """

    uri: str
    format: str
    rows_in: int = 0
    accepted: list[Features] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    quarantined: list[dict[str, Any]] = field(default_factory=list)
    repaired: list[dict[str, Any]] = field(default_factory=list)
    reviewed: list[dict[str, Any]] = field(default_factory=list)

    @property
    def invalid_fraction(self) -> float:
        """Share of refused rows, 0-1."""
        return len(self.quarantined) / self.rows_in

    def counts(self, entries: Iterable[dict[str, Any]]) -> Counter[str]:
        """Return how many of the entries have each code."""
        return Counter(code for entry in entries for code in set(entry["codes"]))

    def summary(self) -> str:
        """Return each refusal code with its count and first lines, the commonest first."""
        return _summary(self.quarantined)


class _Seen:
    """Ids and contents of the rows accepted so far, for refusing what comes twice."""

    def __init__(self, rules: ValidateDataConfig) -> None:
        self.ids: set[str] = set()
        self.contents: dict[str, int] = {}
        self.reversed_rows: set[int] = set()
        self._min_words = rules.near_duplicate_min_words
        self._index = NearDuplicateIndex(rules.near_duplicate_similarity)

    def check(self, features: Features) -> list[Finding]:
        findings = [Finding("DUPLICATE_ID", "id")] if features["row_id"] in self.ids else []
        if features["content_hash"] in self.contents:
            findings.append(Finding("EXACT_DUPLICATE"))
        opposite = self.contents.get(features.get("reversed_hash", ""))
        if opposite is not None:
            findings.append(Finding("REVERSED_PAIR"))
            self.reversed_rows.add(opposite)
        return findings

    def near_duplicates(self, row: Conversation | PreferencePair, number: int) -> list[Finding]:
        """Compare a dialogue with the earlier ones and remember it. Pairs share prompts by design: split compares them part by part."""
        if not isinstance(row, Conversation):
            return []
        text = "\n".join(message.content for message in row.messages)
        if count_words(text) < self._min_words:
            return []
        return [Finding("NEAR_DUPLICATE")] if self._index.match_and_add(number, text) else []

    def add(self, features: Features, index: int) -> None:
        self.ids.add(features["row_id"])
        self.contents[features["content_hash"]] = index


def take_in(uri: str, expected_digest: str, kind: RowKind, folder: Path, rules: ValidateDataConfig) -> Intake:
    """Read a raw file, write its valid rows to ``folder`` and account for every row.

    Args:
        uri: of the raw file.
        expected_digest: sha256 (hex) that preflight saw.
        kind: dialogues or pairs.
        folder: output artifact directory.
        rules: limits and options.

    Raises:
        ContractError: the file cannot be read, has no row, or has changed since preflight.
    """
    raw = RawFile(uri, rules.max_row_bytes)
    intake, seen = Intake(uri, raw.format), _Seen(rules)
    partial = folder / f"{kind.file}.partial"
    refusing = REFUSALS.keys() | set(rules.quarantine_codes)
    try:
        with partial.open("w", encoding="utf-8") as file:
            for row in raw:
                intake.rows_in += 1
                checked = kind.check(row, raw.name, rules)
                features = _look_again(checked, kind, seen, rules, intake.rows_in)
                refusals = [finding for finding in checked.findings if finding.code in refusing]
                if checked.row is None or refusals:
                    intake.quarantined.append(_entry(uri, row.line, checked.row_id, refusals))
                    continue
                seen.add(features, len(intake.accepted))
                _accept(intake, checked, features, row.line)
                file.write(json.dumps(checked.row.model_dump(mode="json"), ensure_ascii=False) + "\n")
        _check_file(intake, raw.digest, expected_digest)
        _refuse_reversed(intake, seen.reversed_rows)
        written = _copy_without(partial, folder / kind.file, seen.reversed_rows)
    finally:
        partial.unlink(missing_ok=True)
    assert intake.rows_in == written + len(intake.quarantined), "every row is written or quarantined"
    assert written == len(intake.accepted), "every written row has its features"
    return intake


def _look_again(checked: Checked, kind: RowKind, seen: _Seen, rules: ValidateDataConfig, number: int) -> Features:
    """Add to a well-formed row's findings what a second look and the earlier rows show; return its features."""
    if checked.row is None:
        return {}
    review = kind.review(checked.row, checked.kept, rules)
    features = {**kind.features_of(checked.row, checked.findings), **review.features, "near_duplicate": False}
    checked.findings += review.findings + seen.check(features)
    if not checked.refusals:
        near = seen.near_duplicates(checked.row, number)
        checked.findings += near
        features["near_duplicate"] = bool(near)
    return features


def _copy_without(source: Path, target: Path, indices: set[int]) -> int:
    with source.open(encoding="utf-8") as lines, target.open("w", encoding="utf-8") as file:
        kept = 0
        for index, line in enumerate(lines):
            if index not in indices:
                file.write(line)
                kept += 1
    return kept


def _accept(intake: Intake, checked: Checked, features: Features, line: int) -> None:
    intake.accepted.append(features)
    intake.lines.append(line)
    for codes, entries in ((REPAIRS, intake.repaired), (REVIEWS, intake.reviewed)):
        findings = [finding for finding in checked.findings if finding.code in codes]
        if findings:
            entries.append(_entry(intake.uri, line, checked.row_id, findings))


def _entry(uri: str, line: int, row_id: str | None, findings: Sequence[Finding]) -> dict[str, Any]:
    codes, places = [finding.code for finding in findings], [finding.at for finding in findings]
    return {"file": uri, "line": line, "id": row_id, "codes": codes, "at": places, "severity": severity(codes)}


def _refuse_reversed(intake: Intake, indices: set[int]) -> None:
    # The earlier of two contradicting pairs was accepted before the later one was read.
    lines = {intake.lines[index] for index in indices}
    for index in sorted(indices):
        finding = Finding("REVERSED_PAIR")
        intake.quarantined.append(_entry(intake.uri, intake.lines[index], intake.accepted[index]["row_id"], [finding]))
    intake.accepted = [features for index, features in enumerate(intake.accepted) if index not in indices]
    intake.lines = [line for line in intake.lines if line not in lines]
    intake.repaired = [entry for entry in intake.repaired if entry["line"] not in lines]
    intake.reviewed = [entry for entry in intake.reviewed if entry["line"] not in lines]
    intake.quarantined.sort(key=lambda entry: int(entry["line"]))


def _check_file(intake: Intake, digest: str, expected: str) -> None:
    if digest != expected:
        raise ContractError(
            f"{intake.uri} has changed since preflight looked at it (sha256 {expected[:12]} then, {digest[:12]} now); start the run again"
        )
    if not intake.rows_in:
        raise ContractError(f"{intake.uri} is empty: it has no row; give a file with at least one")


def _summary(entries: Sequence[dict[str, Any]]) -> str:
    lines: dict[str, list[int]] = {}
    for entry in entries:
        for code in dict.fromkeys(entry["codes"]):
            lines.setdefault(code, []).append(entry["line"])
    parts = []
    for code, numbers in sorted(lines.items(), key=lambda item: -len(item[1])):
        shown = ", ".join(map(str, numbers[:_SHOWN_LINES])) + (", ..." if len(numbers) > _SHOWN_LINES else "")
        parts.append(f"{code} {len(numbers)} (line{'s' if len(numbers) > 1 else ''} {shown})")
    return "; ".join(parts)
