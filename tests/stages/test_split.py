"""The split stage on sealed artifacts: nobody and no near-duplicate on two sides, equal bytes for equal seeds."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

from components.shared import artifacts
from components.shared.canaries import is_canary, read_canaries
from components.shared.dataset_splits import DatasetSplit
from components.shared.errors import ContractError
from components.shared.near_duplicates import shingles
from components.split.stage import run

WORDS = [f"word{number}" for number in range(500)]
SPLITS = ("train", "validation", "test")


def sentence(rng: random.Random, words: int = 40) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(words))


def people_rows(people: int, seed: int = 1) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    rng = random.Random(seed)
    talks, pairs = [], []
    for person in range(people):
        for number in range(2):
            messages = [{"role": "user", "content": sentence(rng)}, {"role": "assistant", "content": sentence(rng)}]
            talks.append({"id": f"c{person}-{number}", "person_id": f"p{person}", "messages": messages})
            replies = {name: [{"role": "assistant", "content": sentence(rng, 10)}] for name in ("chosen", "rejected")}
            pairs.append(
                {"id": f"q{person}-{number}", "person_id": f"p{person}", "prompt": [{"role": "user", "content": sentence(rng)}], **replies}
            )
    return talks, pairs


def split(
    folder: Path, rows: tuple[list[dict[str, Any]], list[dict[str, Any]]], anonymized: bool = True, **config: Any
) -> dict[str, DatasetSplit]:
    inputs = []
    for name, content in zip(("conversations", "preferences"), rows, strict=True):
        source = dsl.Dataset(name=name, uri=str(folder / name), metadata={})
        (artifacts.start(source.path) / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in content), encoding="utf-8")
        artifacts.seal(source, f"{name}/v1", properties={"rows": len(content), "anonymized": anonymized})
        inputs.append(source)
    outputs = [dsl.Dataset(name=name, uri=str(folder / name), metadata={}) for name in SPLITS]
    canaries = dsl.Dataset(name="canaries", uri=str(folder / "canaries"), metadata={})
    run(*inputs, *outputs, canaries, dsl.Metrics(name="metrics", uri=str(folder / "metrics"), metadata={}), config=config)
    return {name: DatasetSplit(output) for name, output in zip(SPLITS, outputs, strict=True)}


def people_of(part: DatasetSplit) -> set[str]:
    return {row.person_id for row in [*part.conversations(), *part.preferences()]}


def test_people_stay_on_one_side_and_shares_are_hit(tmp_path: Path, tracking_uri: str) -> None:
    parts = split(tmp_path, people_rows(100))
    people = {name: people_of(part) for name, part in parts.items()}
    assert {name: len(found) for name, found in people.items()} == {"train": 80, "validation": 10, "test": 10}
    assert len(set.union(*people.values())) == 100
    for name, part in parts.items():
        properties = part.manifest.properties
        assert (properties["split"], properties["people"], properties["anonymized"]) == (name, len(people[name]), True)
        assert properties["conversations"] == len(list(part.conversations())) == 2 * len(people[name])
        assert properties["pairs"] == len(list(part.preferences())) == 2 * len(people[name])
    metrics = json.loads((tmp_path / "metrics").read_text(encoding="utf-8"))
    assert (metrics["train/rows"], metrics["duplicates/removed_from_train"], metrics["groups/links"]) == (320, 0, 0)


def test_same_seed_same_bytes_other_seed_other_people(tmp_path: Path, tracking_uri: str) -> None:
    rows = people_rows(40)
    digests = [
        {name: part.manifest.files for name, part in split(tmp_path / str(n), rows, seed=seed).items()} for n, seed in enumerate((5, 5, 6))
    ]
    assert digests[0] == digests[1]
    assert digests[0]["test"] != digests[2]["test"]


@pytest.mark.parametrize("seed", range(4))
def test_no_near_duplicate_crosses_a_side(tmp_path: Path, tracking_uri: str, seed: int) -> None:
    """60 people, 15 planted copies with one word changed, of conversations and of prompts; judged by brute force."""
    talks, pairs = people_rows(60, seed)
    rng = random.Random(seed)
    for _ in range(15):
        source, target = rng.sample(range(len(talks)), 2)
        words = talks[source]["messages"][0]["content"].split()
        words[rng.randrange(len(words))] = "changed"
        copied = [{"role": "user", "content": " ".join(words)}, talks[source]["messages"][1]]
        talks[target]["messages"] = copied
        pairs[target]["prompt"] = [dict(pairs[source]["prompt"][0])]
    parts = split(tmp_path, (talks, pairs), similarity=0.7)
    held = {
        name: [shingles("\n".join(turn.content for turn in row.messages)) for row in part.conversations()]
        + [shingles(row.prompt[0].content) for row in part.preferences()]
        for name, part in parts.items()
    }
    for first, second in (("train", "validation"), ("train", "test"), ("validation", "test")):
        worst = max(len(a & b) / len(a | b) for a in held[first] for b in held[second])
        assert worst < 0.5, f"{first} and {second} share a near-duplicate"


def test_train_keeps_one_of_several_near_duplicates_and_all_replies_to_a_prompt(tmp_path: Path, tracking_uri: str) -> None:
    talks, pairs = people_rows(30)
    repeated = [dict(talks[0], id=f"again{n}") for n in range(3)]
    for number in range(1, 4):
        pairs.append(dict(pairs[0], id=f"reply{number}", chosen=[{"role": "assistant", "content": sentence(random.Random(number), 60)}]))
    pairs.append(dict(pairs[0], id="same"))
    rows = ([*talks, *repeated], pairs)
    seed = next(s for s in range(50) if "p0" in people_of(split(tmp_path / f"s{s}", rows, seed=s)["train"]))
    kept = split(tmp_path / "kept", rows, seed=seed, remove_duplicates=False)["train"]
    lean = split(tmp_path / "lean", rows, seed=seed)["train"]
    ids = {row.id for row in kept.conversations()} - {row.id for row in lean.conversations()}
    assert ids == {"again0", "again1", "again2"}
    assert {row.id for row in kept.preferences()} - {row.id for row in lean.preferences()} == {"same"}
    assert json.loads((tmp_path / "lean" / "metrics").read_text(encoding="utf-8"))["duplicates/removed_from_train"] == 4


def test_identified_rows_are_refused_unless_allowed(tmp_path: Path, tracking_uri: str) -> None:
    with pytest.raises(ContractError, match="does not say anonymized=true"):
        split(tmp_path / "a", people_rows(30), anonymized=False)
    parts = split(tmp_path / "b", people_rows(30), anonymized=False, allow_identified=True)
    assert parts["train"].manifest.properties["anonymized"] is False


def test_too_few_people_are_refused_and_nothing_is_sealed(tmp_path: Path, tracking_uri: str) -> None:
    with pytest.raises(ContractError, match=r"\(2 people in all\); give rows of more people"):
        split(tmp_path, people_rows(2))
    assert not [name for name in SPLITS if (tmp_path / name / "manifest.json").exists()]


def test_a_split_without_pairs_is_refused(tmp_path: Path, tracking_uri: str, artifact: Callable[..., Any]) -> None:
    talks, pairs = people_rows(30)
    with pytest.raises(ContractError, match="has no pairs"):
        split(tmp_path, (talks, pairs[:2]))


def test_without_canaries_the_artifact_is_empty_and_train_says_so(tmp_path: Path, tracking_uri: str) -> None:
    parts = split(tmp_path, people_rows(30))
    canaries, manifest = read_canaries(tmp_path / "canaries")
    assert canaries == []
    assert manifest.properties == {"planted": 0, "twins": 0, "rows": 0}
    assert parts["train"].manifest.properties["canaries"] == 0
    assert not any(is_canary(row) for row in parts["train"].conversations())


def test_canaries_are_planted_in_train_only_and_move_nobody(tmp_path: Path, tracking_uri: str) -> None:
    rows = people_rows(40)
    bare = split(tmp_path / "bare", rows)
    parts = split(tmp_path / "planted", rows, num_canaries=3, canary_repetitions=[1, 4])
    canaries, manifest = read_canaries(tmp_path / "planted" / "canaries")
    planted = [canary for canary in canaries if canary.repetitions]
    # Three of each of three kinds, copies 1, 4, 1; as many twins.
    assert [canary.repetitions for canary in planted] == [1, 4, 1] * 3
    assert manifest.properties == {"planted": 9, "twins": 9, "rows": 18}
    added = [row for row in parts["train"].conversations() if is_canary(row)]
    assert len(added) == 18
    assert len({row.id for row in added}) == 18
    assert {row.person_id for row in added} == {canary.id for canary in planted}
    assert {row.person_id: row.messages for row in added} == {canary.id: canary.messages for canary in planted}
    assert [row for row in parts["train"].conversations() if not is_canary(row)] == list(bare["train"].conversations())
    for name in ("validation", "test"):
        assert parts[name].manifest.files == bare[name].manifest.files
    text = (tmp_path / "planted" / "train" / "conversations.jsonl").read_text(encoding="utf-8")
    assert all(canary.secret in text for canary in planted)
    assert not any(canary.secret in text for canary in canaries if not canary.repetitions)
    properties = parts["train"].manifest.properties
    assert (properties["canaries"], properties["conversations"]) == (18, len(list(parts["train"].conversations())))
    assert "canary" not in (tmp_path / "planted" / "train" / "preferences.jsonl").read_text(encoding="utf-8")


def test_canaries_are_those_of_the_seed(tmp_path: Path, tracking_uri: str) -> None:
    files = [
        split(tmp_path / str(n), people_rows(30), num_canaries=1, seed=seed)["train"].manifest.files for n, seed in enumerate((5, 5, 6))
    ]
    assert files[0] == files[1]
    secrets = [[canary.secret for canary in read_canaries(tmp_path / str(n) / "canaries")[0]] for n in range(3)]
    assert secrets[0] == secrets[1]
    assert not set(secrets[0]) & set(secrets[2])
