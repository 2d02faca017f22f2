"""The split stage: train, validation and test by person, near-duplicates on one side."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from kfp import dsl

from components.shared import artifacts, shutdown, tracking
from components.shared.canaries import CANARIES_SCHEMA, Canary, write_canaries
from components.shared.dataset_splits import (
    CONVERSATIONS_FILE,
    CONVERSATIONS_SCHEMA,
    PREFERENCES_FILE,
    PREFERENCES_SCHEMA,
    SPLIT_SCHEMA,
)
from components.shared.errors import ContractError, Interrupted
from components.shared.near_duplicates import NearDuplicateIndex, NearDuplicateRows, count_words
from components.shared.outputs import publish_metrics
from components.shared.progress import track
from components.shared.records import Conversation, Message, PreferencePair, read_rows
from components.split.assignment import SPLITS, Groups, assign, weigh
from components.split.canaries import make_canaries
from components.split.config import SplitConfig

Row = Conversation | PreferencePair


def run(
    conversations: dsl.Input[dsl.Dataset],
    preferences: dsl.Input[dsl.Dataset],
    train: dsl.Output[dsl.Dataset],
    validation: dsl.Output[dsl.Dataset],
    test: dsl.Output[dsl.Dataset],
    canaries: dsl.Output[dsl.Dataset],
    metrics: dsl.Output[dsl.Metrics],
    config: dict[str, Any] = {},
) -> None:
    """Divide people into train, validation and test. Contract: README.md beside this file."""
    settings = SplitConfig.parse(config)
    talk, talk_manifest = artifacts.open_sealed(conversations, CONVERSATIONS_SCHEMA)
    pairs, pairs_manifest = artifacts.open_sealed(preferences, PREFERENCES_SCHEMA)
    _require_anonymized({"conversations": talk_manifest, "preferences": pairs_manifest}, settings)
    parents = {"conversations": talk_manifest.digest, "preferences": pairs_manifest.digest}
    with tracking.stage_run("split", settings) as run:
        run.log_input("conversations", digest=parents["conversations"], uri=conversations.uri, context="split")
        run.log_input("preferences", digest=parents["preferences"], uri=preferences.uri, context="split")

        def rows() -> Iterator[tuple[str, Row]]:
            yield from _rows(talk / CONVERSATIONS_FILE, Conversation)
            yield from _rows(pairs / PREFERENCES_FILE, PreferencePair)

        total = int(talk_manifest.properties["rows"]) + int(pairs_manifest.properties["rows"])
        split_of, linking = _divide(rows, total, settings)
        outputs = {"train": train, "validation": validation, "test": test}
        folders = {name: artifacts.start(output.path) for name, output in outputs.items()}
        counts, removed = _write(rows, total, split_of, folders, settings)
        _require_filled(counts)
        secrets = make_canaries(settings.num_canaries, settings.canary_repetitions, settings.canary_language, settings.seed)
        planted = _plant(secrets, folders["train"], counts["train"])
        for name, output in outputs.items():
            properties = {"split": name, **counts[name], "anonymized": _anonymized(talk_manifest) and _anonymized(pairs_manifest)}
            artifacts.seal(output, SPLIT_SCHEMA, properties=properties, parents=parents)
        write_canaries(artifacts.start(canaries.path), secrets)
        artifacts.seal(canaries, CANARIES_SCHEMA, properties=planted, parents=parents)
        run.set_tags({"attune.canary_rows": str(planted["rows"])})
        publish_metrics(metrics, {**_metrics(counts, removed), **linking, **{f"canaries/{k}": n for k, n in planted.items()}}, run)


def _rows(path: Path, row_type: type[Conversation] | type[PreferencePair]) -> Iterator[tuple[str, Row]]:
    for row in read_rows(path, row_type):
        if shutdown.requested():
            raise Interrupted
        yield path.name, row


def _anonymized(manifest: artifacts.Manifest) -> bool:
    return manifest.properties.get("anonymized") is True


def _require_anonymized(manifests: dict[str, artifacts.Manifest], settings: SplitConfig) -> None:
    bare = [name for name, manifest in manifests.items() if not _anonymized(manifest)]
    if bare and not settings.allow_identified:
        raise ContractError(
            f"{' and '.join(bare)}: the manifest does not say anonymized=true; wire the outputs of anonymize to split,"
            " or set split.allow_identified=true if these data were public or synthetic from the start"
        )


def _divide(rows: Callable[[], Iterator[tuple[str, Row]]], total: int, settings: SplitConfig) -> tuple[dict[str, str], dict[str, float]]:
    """Return the split of each person, and how far near-duplicates tie people together."""
    groups = Groups()
    rows_of: dict[str, Counter[str]] = {CONVERSATIONS_FILE: Counter(), PREFERENCES_FILE: Counter()}
    index = NearDuplicateIndex(settings.similarity)
    owners: list[str] = []
    links = 0
    for name, row in track(rows(), "split: compare rows", total):
        groups.add(row.person_id)
        rows_of[name][row.person_id] += 1
        text = _text(row.messages if isinstance(row, Conversation) else row.prompt)
        if count_words(text) < settings.min_words:
            continue
        for number in index.matches(text):
            if groups.of(owners[number]) != groups.of(row.person_id):
                groups.link(owners[number], row.person_id)
                links += 1
        index.add(len(owners), text)
        owners.append(row.person_id)
    weights = weigh(groups, rows_of[CONVERSATIONS_FILE], rows_of[PREFERENCES_FILE])
    fractions = {"train": settings.train_fraction, "validation": settings.validation_fraction, "test": settings.test_fraction}
    chosen = assign(weights, fractions, settings.seed)
    people = rows_of[CONVERSATIONS_FILE].keys() | rows_of[PREFERENCES_FILE].keys()
    linking = {"groups/count": len(weights), "groups/links": links, "groups/largest_fraction": max(weights.values(), default=0.0)}
    return {person: chosen[groups.of(person)] for person in people}, linking


def _write(
    rows: Callable[[], Iterator[tuple[str, Row]]], total: int, split_of: dict[str, str], folders: dict[str, Path], settings: SplitConfig
) -> tuple[dict[str, dict[str, int]], int]:
    """Write each row into its split in the order of the input; return what each split holds and how many duplicates train lost."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in SPLITS}
    people: dict[str, set[str]] = {name: set() for name in SPLITS}
    kept = {name: NearDuplicateRows(settings.similarity) for name in (CONVERSATIONS_FILE, PREFERENCES_FILE)}
    removed = 0
    with ExitStack() as stack:
        files = {
            (split, name): stack.enter_context((folders[split] / name).open("w", encoding="utf-8"))
            for split in SPLITS
            for name in (CONVERSATIONS_FILE, PREFERENCES_FILE)
        }
        for name, row in track(rows(), "split: write rows", total):
            split = split_of[row.person_id]
            if split == "train" and settings.remove_duplicates:
                turns = [row.messages] if isinstance(row, Conversation) else [row.prompt, row.chosen, row.rejected]
                if not kept[name].add_unless_known([_text(part) for part in turns]):
                    removed += 1
                    continue
            files[split, name].write(row.model_dump_json() + "\n")
            counts[split][name] += 1
            people[split].add(row.person_id)
    summary = {
        split: {
            "rows": counts[split].total(),
            "conversations": counts[split][CONVERSATIONS_FILE],
            "pairs": counts[split][PREFERENCES_FILE],
            "people": len(people[split]),
        }
        for split in SPLITS
    }
    return summary, removed


def _plant(secrets: Sequence[Canary], train: Path, counts: dict[str, int]) -> dict[str, int]:
    """Append the planted secrets to train, as conversations that are marked by their source, and count them."""
    rows = [row for secret in secrets for row in secret.rows()]
    with (train / CONVERSATIONS_FILE).open("a", encoding="utf-8") as file:
        file.writelines(row.model_dump_json() + "\n" for row in rows)
    counts["rows"] += len(rows)
    counts["conversations"] += len(rows)
    counts["canaries"] = len(rows)
    planted = sum(secret.repetitions > 0 for secret in secrets)
    return {"planted": planted, "twins": len(secrets) - planted, "rows": len(rows)}


def _text(messages: list[Message]) -> str:
    return "\n".join(message.content for message in messages)


def _require_filled(counts: dict[str, dict[str, int]]) -> None:
    empty = [f"{split} has no {kind}" for split, held in counts.items() for kind in ("conversations", "pairs") if not held[kind]]
    if empty:
        people = sum(held["people"] for held in counts.values())
        raise ContractError(
            f"{', '.join(empty)} ({people} people in all); give rows of more people, or larger split.validation_fraction and"
            " split.test_fraction, or another split.seed. People whose texts are near-duplicates stay together (split.similarity)"
        )


def _metrics(counts: dict[str, dict[str, int]], removed: int) -> dict[str, float]:
    values = {f"{split}/{name}": float(number) for split, held in counts.items() for name, number in held.items()}
    return {**values, "duplicates/removed_from_train": removed}
