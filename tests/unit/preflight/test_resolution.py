"""What a user calls a model becomes one reference, and what is none gives one sentence."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from components import builtin
from components.preflight.resolution import resolve
from components.shared.base_model import directory_digest
from components.shared.errors import ContractError
from tests.data_stages import run_process_code
from tests.tiny_model import build_tiny_model

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {"config.json": b'{"model_type": "llama"}', "tokenizer.json": b"{}", "model.safetensors": b"weights", "README.md": b"# model"}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_model(tmp_path_factory.mktemp("model"))


def test_a_directory_is_pinned_by_its_digest_however_it_is_written(model: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(model.parent)
    references = [resolve(given, "main", 1).reference for given in (str(model), f"file://{model}", model.name, f"./{model.name}")]
    assert {reference.location for reference in references} == {str(model)}
    assert {(reference.revision, reference.digest) for reference in references} == {("local", directory_digest(model))}


def test_a_builtin_model_keeps_its_name():
    resolved = resolve("builtin:tiny", "main", 1)
    assert resolved.reference.uri == "builtin:tiny"
    assert resolved.directory == builtin.resolve("builtin:tiny")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("/nowhere/model", "no such directory"),
        ("./nowhere", "no such directory"),
        ("builtin:huge", "unknown built-in resource 'builtin:huge'"),
        ("no spaces allowed", "no such directory"),
    ],
)
def test_what_is_no_model_is_a_contract_error(given: str, words: str):
    with pytest.raises(ContractError, match=words):
        resolve(given, "main", 1)


def test_other_weight_formats_and_adapters_are_refused(tmp_path: Path):
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ContractError, match=r"no \*\.safetensors in it; other weight formats can run code"):
        resolve(str(tmp_path), "main", 1)
    (tmp_path / "config.json").unlink()
    (tmp_path / "adapter_config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ContractError, match="holds a PEFT adapter"):
        resolve(str(tmp_path), "main", 1)


class _Hub(BaseHTTPRequestHandler):
    """The two addresses of a model hub that are needed: what a repository holds, and its files."""

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def _answer(self, *, body: bool) -> None:
        content = self._content()
        self.send_response(200 if content is not None else 404)
        if content is None:
            self.send_header("X-Error-Code", "RevisionNotFound" if "owner/model" in self.path else "RepoNotFound")
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hash(self.path)}"')
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        if body:
            self.wfile.write(content or b"")

    def _content(self) -> bytes | None:
        path = self.path.partition("?")[0]
        if path.startswith("/api/models/owner/model/revision/"):
            known = path.rpartition("/")[2] in ("main", COMMIT)
            document = {"id": "owner/model", "sha": COMMIT, "siblings": [{"rfilename": name} for name in FILES]}
            return json.dumps(document).encode() if known else None
        if path.startswith(f"/api/models/owner/model/tree/{COMMIT}"):
            return json.dumps([{"type": "file", "path": n, "size": len(c), "oid": "0" * 40} for n, c in FILES.items()]).encode()
        if path.startswith(f"/owner/model/resolve/{COMMIT}/"):
            return FILES.get(path.rpartition("/")[2])
        return None

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def resolve_elsewhere(name: str, revision: str, endpoint: str, home: Path, offline: str = "0") -> tuple[list[str], float]:
    """Resolve in a fresh process, because the hub client reads its address when it is imported."""
    code = (
        "import sys\nfrom components.preflight.resolution import resolve\nfrom components.shared.errors import ContractError\n"
        f"try:\n    found = resolve({name!r}, {revision!r}, 3)\n"
        "    print(found.reference.uri, found.reference.revision, found.reference.digest, *found.weight_files,\n"
        "          *sorted(p.name for p in found.directory.iterdir()))\n"
        "except ContractError as error:\n    print('refused:', error)\n"
    )
    finished = run_process_code(code, HF_ENDPOINT=endpoint, HF_HOME=str(home), HF_HUB_OFFLINE=offline, HF_HUB_DISABLE_PROGRESS_BARS="1")
    assert finished.code == 0, finished.output
    return finished.output.strip().splitlines(), finished.seconds


def test_a_hub_model_is_pinned_to_its_commit_and_only_small_files_are_fetched(hub: str, tmp_path: Path):
    lines, _ = resolve_elsewhere("owner/model", "main", hub, tmp_path)
    assert lines[-1].split() == ["hf://owner/model", COMMIT, COMMIT, "model.safetensors", "config.json", "tokenizer.json"]
    # Without the hub, the cache answers for the branch; it has no weights, so the model is not complete there.
    lines, _ = resolve_elsewhere("owner/model", "main", "http://127.0.0.1:9", tmp_path)
    assert "does not have all of it" in lines[-1]
    [snapshot] = tmp_path.rglob(f"snapshots/{COMMIT}")
    (snapshot / "model.safetensors").write_bytes(b"weights")
    lines, _ = resolve_elsewhere("hf://owner/model", "main", "http://127.0.0.1:9", tmp_path, offline="1")
    assert lines[-1].split()[:4] == ["hf://owner/model", COMMIT, COMMIT, "model.safetensors"]


def test_what_the_hub_does_not_have_and_a_hub_that_does_not_answer(hub: str, tmp_path: Path):
    lines, _ = resolve_elsewhere("owner/other", "main", hub, tmp_path)
    assert lines[-1].startswith("refused: base model owner/other (revision main): no such directory here, and no such model on the hub")
    lines, _ = resolve_elsewhere("owner/model", "v9", hub, tmp_path)
    assert "has no such branch, tag or commit" in lines[-1]
    lines, seconds = resolve_elsewhere("owner/model", "main", "http://127.0.0.1:9", tmp_path / "empty")
    assert len(lines) == 1
    assert "the hub http://127.0.0.1:9 cannot be reached (ConnectError: [Errno 111] Connection refused)" in lines[0]
    assert seconds < 30
