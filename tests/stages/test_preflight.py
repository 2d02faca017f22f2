"""preflight from its entry point: what it pins, and that everything wrong is said at once."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from components.shared import launch, storage
from components.shared.base_model import directory_digest, read_reference
from components.shared.errors import EXIT_CONTRACT
from tests.data_stages import arguments, error_lines, run_process
from tests.tiny_model import build_tiny_model

URIS = ("conversations", "preferences", "empathy_ratings", "crisis_prompts", "general_text")
DIGESTS = ("conversations_digest", "preferences_digest", "evaluation_digest", "secrets_digest")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def data(tmp_path: Path) -> dict[str, str]:
    for name in URIS:
        (tmp_path / f"{name}.jsonl").write_text(f'{{"id": "{name}"}}\n', encoding="utf-8")
    return {f"{name}_uri": str(tmp_path / f"{name}.jsonl") for name in URIS}


def argv(folder: Path, data: Mapping[str, str], model_id: str, config: Mapping[str, Any] = {}) -> list[str]:
    parameters = {
        "known_values_uri": "",
        **data,
        "base_model_id": model_id,
        "base_model_revision": "main",
        "config": {"min_free_gib": 0.001, **config},
    }
    return arguments("preflight", folder, parameters, {"metrics": "system.Metrics"}, ("base_model", *DIGESTS))


def test_the_model_travels_by_reference_and_digests_are_those_of_the_bytes(
    tracking_uri: str, tmp_path: Path, data: dict[str, str], model: Path, monkeypatch: pytest.MonkeyPatch
):
    out = tmp_path / "out"
    monkeypatch.setenv("ATTUNE_CHECKPOINT_DIR", str(tmp_path / "checkpoints"))
    assert launch.main(argv(out, data, str(model))) == 0
    for name in ("conversations", "preferences"):
        assert (out / f"{name}_digest").read_text() == sha256(Path(data[f"{name}_uri"]).read_bytes()).hexdigest()
    evaluation = {name: data[f"{name}_uri"] for name in URIS[2:]}
    assert (out / "evaluation_digest").read_text() == storage.digests(evaluation)  # evaluate computes it so
    reference = read_reference((out / "base_model").read_text())
    assert reference.uri == f"file://{model}"
    assert (reference.location, reference.digest) == (str(model), directory_digest(model))
    metrics = json.loads((out / "metrics").read_text())
    assert metrics["context_length"] == 1024
    assert metrics["conversations_bytes"] == len('{"id": "conversations"}\n')
    assert (tmp_path / "checkpoints").is_dir()


def test_the_builtin_model_and_samples_pass(tracking_uri: str, tmp_path: Path):
    builtin = {f"{name}_uri": f"builtin:{name}" for name in URIS}
    assert launch.main(argv(tmp_path / "out", builtin, "builtin:tiny")) == 0
    assert read_reference((tmp_path / "out" / "base_model").read_text()).uri == "builtin:tiny"


def test_everything_wrong_is_said_at_once(tmp_path: Path, data: dict[str, str], tmp_path_factory: pytest.TempPathFactory):
    untemplated = build_tiny_model(tmp_path_factory.mktemp("model"))
    (untemplated / "chat_template.jinja").unlink()
    Path(data["preferences_uri"]).write_bytes(b"")
    Path(data["general_text_uri"]).unlink()
    finished = run_process(
        argv(tmp_path / "out", data, str(untemplated), {"min_free_gib": 1e9}),
        MLFLOW_TRACKING_URI="http://127.0.0.1:9",
        ATTUNE_CHECKPOINT_DIR="/dev/null/checkpoints",
        ATTUNE_PSEUDONYM_KEY="",
    )
    assert finished.code == 2
    lines = finished.output.strip().splitlines()
    assert lines[0] == "error: 7 things to put right before a run:"
    for number, words in enumerate(
        [
            "preferences.jsonl is empty (0 bytes)",
            "general_text.jsonl: no such file",
            "has no chat template",
            "(preflight.min_free_gib)",
            "/dev/null/checkpoints cannot be written",
            "tracking server http://127.0.0.1:9 cannot be used",
            "ATTUNE_PSEUDONYM_KEY is not set",
        ],
        start=1,
    ):
        assert lines[number].startswith(f"  {number}. ")
        assert words in lines[number]
    assert len(lines) == 8
    assert finished.seconds < 60
    assert not (tmp_path / "out" / "executor_output.json").exists()


def test_a_setting_that_does_not_exist(tracking_uri: str, tmp_path: Path, data: dict[str, str], model: Path, capsys: Any):
    assert launch.main(argv(tmp_path / "out", data, str(model), {"min_free": 1})) == 2
    [line] = error_lines(capsys.readouterr().out)
    assert line == "error: invalid configuration:"


def test_another_key_or_another_list_of_known_values_gives_another_digest(
    tracking_uri: str, tmp_path: Path, data: dict[str, str], model: Path, monkeypatch: pytest.MonkeyPatch
):
    known = tmp_path / "known.csv"

    def digest(number: int) -> str:
        out = tmp_path / f"out{number}"
        assert launch.main(argv(out, {**data, "known_values_uri": str(known) if known.is_file() else ""}, str(model))) == 0
        return (out / "secrets_digest").read_text()

    found = [digest(0), digest(1)]
    known.write_text("Marisol Quispe\n", encoding="utf-8")
    found.append(digest(2))
    known.write_text("Marisol Rojas\n", encoding="utf-8")
    found.append(digest(3))
    monkeypatch.setenv("ATTUNE_PSEUDONYM_KEY", "ad" * 32)
    found.append(digest(4))
    assert found[0] == found[1]
    assert len(set(found)) == 4


def test_a_missing_list_of_known_values_is_said_before_a_run(
    tracking_uri: str, tmp_path: Path, data: dict[str, str], model: Path, capfd: pytest.CaptureFixture[str]
):
    assert launch.main(argv(tmp_path / "out", {**data, "known_values_uri": str(tmp_path / "none.csv")}, str(model))) == EXIT_CONTRACT
    assert "none.csv: no such file" in "".join(capfd.readouterr())
