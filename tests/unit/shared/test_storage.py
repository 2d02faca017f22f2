"""Reading what a user names, and saying in one line what is wrong with it."""

import hashlib
from pathlib import Path

import pytest

from components.shared import storage
from components.shared.errors import ContractError
from tests.object_store import object_store


def test_digest_of_a_local_file_is_its_sha256(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"abc")
    # FIPS 180-2, appendix B.1
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert storage.digest(str(path)) == expected
    assert storage.digest(path.as_uri()) == expected


def test_digest_streams_more_than_one_chunk(tmp_path: Path):
    content = bytes(range(256)) * 10_000
    (tmp_path / "a.bin").write_bytes(content)
    assert storage.digest(str(tmp_path / "a.bin")) == hashlib.sha256(content).hexdigest()


def test_compressed_files_stay_compressed(tmp_path: Path):
    (tmp_path / "a.jsonl.gz").write_bytes(b"\x1f\x8bnot really")
    with storage.open_binary(str(tmp_path / "a.jsonl.gz")) as file:
        assert file.read() == b"\x1f\x8bnot really"


def test_digests_depend_on_names_and_bytes_not_on_places(tmp_path: Path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "f").write_bytes(b"same")
    first = storage.digests({"general_text": str(tmp_path / "one" / "f")})
    assert first == storage.digests({"general_text": str(tmp_path / "two" / "f")})
    assert first != storage.digests({"crisis_prompts": str(tmp_path / "one" / "f")})


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("/nowhere/rows.jsonl", "no such file"),
        ("builtin:nothing", "unknown built-in resource"),
        ("nonsense://rows.jsonl", "Protocol not known"),
        ("/", "directory"),
    ],
)
def test_what_cannot_be_opened_is_a_contract_error_that_names_it(uri: str, words: str):
    with pytest.raises(ContractError, match=words) as caught, storage.open_binary(uri):
        pass
    assert uri in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_error_of_the_reader_is_not_blamed_on_the_file(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"x")
    with pytest.raises(FileNotFoundError), storage.open_binary(str(tmp_path / "a")):
        (tmp_path / "something else").read_bytes()


def test_s3_is_read_and_its_errors_are_explained(tmp_path: Path):
    with object_store({"rows.jsonl": b"abc"}):
        assert storage.digest("s3://data/rows.jsonl") == hashlib.sha256(b"abc").hexdigest()
        with pytest.raises(ContractError, match=r"s3://data/missing\.jsonl: no such file"):
            storage.digest("s3://data/missing.jsonl")


def test_an_s3_service_that_does_not_answer_is_a_contract_error(monkeypatch: pytest.MonkeyPatch):
    import s3fs

    for name, value in {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(ContractError, match="cannot be opened"):
        storage.digest("s3://data/rows.jsonl")
