"""A second look at a row that is well formed: language, safety, identifiers. What is found is listed, or refused by configuration."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from components.shared.records import Conversation, Message, PreferencePair
from components.validate_data.config import ValidateDataConfig
from components.validate_data.features import Features
from components.validate_data.identifiers import count_shapes, holds_identifier
from components.validate_data.language import OTHER, UNKNOWN, declared, language_of
from components.validate_data.reasons import Finding
from components.validate_data.safety import Safety, examine


@dataclass(frozen=True)
class Review:
    """What a second look found: findings (codes of reasons.REVIEWS) and features (no text)."""

    findings: list[Finding]
    features: Features


def review_conversation(row: Conversation, kept: Sequence[int], rules: ValidateDataConfig) -> Review:
    """Review a dialogue; ``kept`` holds the places that its messages had before trimming, which is where a reviewer finds them."""
    return _review(row.messages, row.messages, row.meta, rules, lambda index: f"messages[{kept[index]}]")


def review_pair(row: PreferencePair, kept: Sequence[int], rules: ValidateDataConfig) -> Review:
    """Review a pair: its prompt and the chosen reply are what is learned; a rejected reply may be as bad as it likes."""
    learned = [*row.prompt, *row.chosen]
    size = len(row.prompt)
    return _review(
        learned, [*learned, *row.rejected], row.meta, rules, lambda index: f"prompt[{kept[index]}]" if index < size else "chosen[0]"
    )


def _review(
    learned: Sequence[Message], every: Sequence[Message], meta: dict[str, Any], rules: ValidateDataConfig, place: Callable[[int], str]
) -> Review:
    language = language_of(every)
    stated = declared(meta.get("language"), rules.default_language)
    mismatch = bool(stated) and language.language != UNKNOWN and stated != language.language
    other = language.language == OTHER or (language.language != UNKNOWN and language.language not in rules.languages)
    safety = examine(learned)
    identifier = holds_identifier(meta)
    characters = sum(len(message.content) for message in every)
    shapes = sum(count_shapes(message.content) for message in every)
    findings = [Finding("LANGUAGE_MISMATCH", "meta.language")] * mismatch + [Finding("OTHER_LANGUAGE")] * other
    findings += [Finding("CODE_SWITCHING")] * language.switched + [Finding("IDENTIFIER_IN_META", "meta")] * identifier
    for code, places in _faults(safety).items():
        findings += [Finding(code, place(index)) for index in dict.fromkeys(places)]
    features: Features = {
        "language": language.variant,
        "language_mismatch": mismatch,
        "other_language": other,
        "code_switched": language.switched,
        "crisis": float(bool(safety.crisis)),
        **{f"crisis_{kind}": kind in safety.crisis for kind in ("suicide", "self_harm", "abuse", "violence")},
        "crisis_denied": safety.denied > 0,
        **{code.lower(): bool(places) for code, places in _faults(safety).items()},
        "identifier_in_meta": identifier,
        "characters": characters,
        "identifier_shapes": shapes,
        "identifier_density": 1000 * shapes / characters,
        "labels": {**{key: _digests(meta[key]) for key in rules.labels if key in meta}, **_ratings("ratings", meta.get("ratings"))},
    }
    return Review(findings, features)


def _faults(safety: Safety) -> dict[str, list[int]]:
    return {
        "UNSAFE_CRISIS_REPLY": safety.unsafe,
        "TOXIC_REPLY": safety.toxic,
        "DIAGNOSIS": safety.diagnosis,
        "MEDICATION_ADVICE": safety.medication,
    }


def _digests(value: Any) -> list[str]:
    """Return digests of the labels in a value: enough to see whether they vary and drift, and no word of them."""
    if isinstance(value, list):
        return [digest for item in value for digest in _digests(item)]
    return [] if value is None or isinstance(value, dict) else [sha256(str(value).encode()).hexdigest()[:16]]


def _ratings(path: str, value: Any) -> dict[str, list[str]]:
    """Return the digests of each rating by its path, such as ``ratings.chosen.empathy``."""
    if isinstance(value, dict):
        return {name: digests for key, item in value.items() for name, digests in _ratings(f"{path}.{key}", item).items()}
    return {path: _digests(value)} if value is not None else {}
