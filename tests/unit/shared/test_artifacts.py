"""Sealed artifact directories: complete or refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

from components.shared import artifacts
from components.shared.errors import ContractError


@pytest.fixture
def sealed(artifact: Any) -> Any:
    made = artifact(dsl.Dataset, "rows")
    directory = artifacts.start(made.path)
    (directory / "rows.jsonl").write_text('{"id": "1"}\n')
    (directory / "deep").mkdir()
    (directory / "deep" / "more.txt").write_text("more")
    artifacts.seal(made, "rows/v1", properties={"rows": 1, "nested": {"a": 1}}, parents={"raw": "ab"})
    return made


def test_a_sealed_directory_opens_with_its_facts(sealed: Any) -> None:
    directory, manifest = artifacts.open_sealed(sealed, "rows/v1")
    assert set(manifest.files) == {"rows.jsonl", "deep/more.txt"}
    # sha256 of the bytes "more", by another tool: printf more | sha256sum
    assert manifest.files["deep/more.txt"] == "187897ce0afcf20b50ba2b37dca84a951b7046f29ed5ab94f010619f69d6e189"
    assert manifest.properties == {"rows": 1, "nested": {"a": 1}}
    assert manifest.parents == {"raw": "ab"}
    assert sealed.metadata == {"schema": "rows/v1", "digest": manifest.digest, "rows": 1}
    assert artifacts.open_sealed(directory, "rows/v1")[1] == manifest  # a plain path will do


def test_the_digest_names_contents_not_place_or_origin(sealed: Any, artifact: Any) -> None:
    first = artifacts.open_sealed(sealed, "rows/v1")[1]
    other = artifact(dsl.Dataset, "copy")
    directory = artifacts.start(other.path)
    (directory / "deep").mkdir()
    (directory / "deep" / "more.txt").write_text("more")
    (directory / "rows.jsonl").write_text('{"id": "1"}\n')
    same = artifacts.seal(other, "rows/v1", properties={"nested": {"a": 1}, "rows": 1}, parents={"raw": "cd"})
    assert same.digest == first.digest
    assert artifacts.seal(other, "rows/v1", properties={"rows": 2}).digest != first.digest
    assert artifacts.seal(other, "rows/v2", properties=first.properties).digest != first.digest


def test_another_schema_is_refused_by_both_names(sealed: Any) -> None:
    with pytest.raises(ContractError, match=r"holds 'rows/v1', but 'pairs/v1' is wanted"):
        artifacts.open_sealed(sealed, "pairs/v1")


def test_without_a_manifest_the_stage_did_not_finish(artifact: Any) -> None:
    made = artifact(dsl.Dataset, "half")
    (artifacts.start(made.path) / "rows.jsonl").write_text("{}\n")
    with pytest.raises(ContractError, match="did not finish"):
        artifacts.open_sealed(made, "rows/v1")


def test_starting_again_unseals(sealed: Any) -> None:
    artifacts.start(sealed.path)
    with pytest.raises(ContractError, match="did not finish"):
        artifacts.open_sealed(sealed, "rows/v1")


@pytest.mark.parametrize("harm", ["change", "remove", "shorten"])
def test_a_file_that_is_not_what_was_sealed_is_refused(sealed: Any, harm: str) -> None:
    path = Path(sealed.path) / "rows.jsonl"
    if harm == "remove":
        path.unlink()
    else:
        path.write_text('{"id": "2"}\n' if harm == "change" else "")
    with pytest.raises(ContractError, match=r"rows\.jsonl is missing or differs"):
        artifacts.open_sealed(sealed, "rows/v1")


def test_the_manifest_is_written_last_and_whole(sealed: Any) -> None:
    directory = Path(sealed.path)
    assert list(directory.glob(".*.tmp")) == []
    document = json.loads((directory / "manifest.json").read_text())
    assert document["package_version"]
    assert "manifest.json" not in document["files"]


def test_canonical_documents_have_one_digest() -> None:
    # printf '{"a": 1, "b": "ü"}' | sha256sum
    expected = "47d50a2a574bc5394f613e0e9636aab0bf5ae6637cc1c276207e9b56744611c0"
    first, second = artifacts.digest_of({"b": "ü", "a": 1}), artifacts.digest_of({"a": 1, "b": "ü"})
    assert first == second
    assert first == expected
    assert first != artifacts.digest_of({"a": 1, "b": "u"})
