"""A model that later stages cannot load or train is described in sentences, all of them at once, without torch."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.preflight.model_checks import check_model
from components.preflight.resolution import resolve
from tests.data_stages import run_process_code
from tests.tiny_model import CHAT_TEMPLATE, build_tiny_model


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def model(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "model"))


def edit(path: Path, **changes: Any) -> None:
    document = json.loads(path.read_text(encoding="utf-8")) | changes
    path.write_text(json.dumps({key: value for key, value in document.items() if value is not None}), encoding="utf-8")


def template(model: Path, text: str | None) -> None:
    path = model / "chat_template.jinja"
    if text is None:
        path.unlink()
    else:
        path.write_text(text, encoding="utf-8")


def problems(model: Path) -> list[str]:
    return check_model(resolve(str(model), "main", 1))[1]


def test_a_good_model_has_no_problem_and_says_its_size(model: Path):
    facts, found = check_model(resolve(str(model), "main", 1))
    assert found == []
    assert facts.context_length == 1024
    assert facts.vocabulary == json.loads((model / "config.json").read_text(encoding="utf-8"))["vocab_size"]
    assert facts.weight_bytes == (model / "model.safetensors").stat().st_size


def cut_weights(model: Path) -> None:
    content = (model / "model.safetensors").read_bytes()
    (model / "model.safetensors").write_bytes(content[:-100])


def sharded_without_a_shard(model: Path) -> None:
    (model / "model.safetensors").rename(model / "model-00001-of-00002.safetensors")
    weight_map = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (model / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}), encoding="utf-8")


REWRITING = "{{ messages | length }} messages\n" + CHAT_TEMPLATE
BROKEN: dict[str, tuple[Callable[[Path], None], str]] = {
    "no chat template": (lambda m: template(m, None), "has no chat template.*give an instruction-tuned model, or put chat_template.jinja"),
    "template that rewrites": (lambda m: template(m, REWRITING), "rewrites earlier turns"),
    "template that drops earlier replies": (
        lambda m: template(
            m,
            CHAT_TEMPLATE.replace(
                "message['content'] + '<|end|>' }}{% endg", "(loop.last and message['content'] or '') + '<|end|>' }}{% endg"
            ),
        ),
        "leaves out or changes 1 of 4 messages",
    ),
    "template that fails": (
        lambda m: template(m, "{{ raise_exception('only one turn') }}"),
        "fails on an ordinary dialogue.*only one turn",
    ),
    "template with a syntax error": (lambda m: template(m, "{% for %}"), "fails on an ordinary dialogue"),
    "template without an end": (
        lambda m: template(m, CHAT_TEMPLATE.replace("+ '<|end|>'", "")),
        "ends the assistant's turn with no special",
    ),
    "no eos": (lambda m: edit(m / "tokenizer_config.json", eos_token=None), "names no eos token"),
    "unknown type": (lambda m: edit(m / "config.json", model_type="frobnicator"), "model_type 'frobnicator' is no causal language model"),
    "own code": (
        lambda m: edit(m / "config.json", model_type="frobnicator", auto_map={"AutoModelForCausalLM": "x.Y"}),
        "needs code from its own repository",
    ),
    "a classifier": (
        lambda m: edit(m / "config.json", architectures=["LlamaForSequenceClassification"]),
        "architecture LlamaForSequenceClassification is not a causal language model; wanted LlamaForCausalLM",
    ),
    "an encoder": (lambda m: edit(m / "config.json", model_type="vit", architectures=["ViTModel"]), "model_type 'vit' is no causal"),
    "no config": (lambda m: (m / "config.json").unlink(), "config.json is missing"),
    "small vocabulary": (lambda m: edit(m / "config.json", vocab_size=10), "the model only 10; they do not belong together"),
    "cut weights": (cut_weights, "model.safetensors is .* bytes long where its header announces"),
    "lfs pointer": (lambda m: (m / "model.safetensors").write_bytes(b"version https://git-lfs"), "is a Git LFS pointer"),
    "no safetensors": (lambda m: (m / "model.safetensors").write_bytes(b"\xff" * 64), "is not a safetensors file"),
    "missing shard": (sharded_without_a_shard, "1 of 2 weight files are missing, such as model-00002-of-00002.safetensors"),
    "tokenizer cut off": (lambda m: (m / "tokenizer.json").write_text("{", encoding="utf-8"), "tokenizer.json is not JSON"),
}


@pytest.mark.parametrize(("damage", "words"), BROKEN.values(), ids=BROKEN)
def test_each_defect_is_one_problem_that_names_the_model(damage: Callable[[Path], None], words: str, model: Path):
    damage(model)
    found = problems(model)
    assert found, "nothing was found"
    assert any(re.search(words, problem) for problem in found), found
    assert all(problem.startswith(f"base model file://{model}: ") for problem in found)


def test_all_defects_are_found_together(model: Path):
    template(model, None)
    cut_weights(model)
    edit(model / "config.json", model_type="frobnicator")
    assert len(problems(model)) == 3


def test_the_checks_need_no_torch(model: Path):
    code = (
        "import importlib.util, sys\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *a: None if name.split('.')[0] == 'torch' else find(name, *a)\n"
        "class Block:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] == 'torch':\n"
        "            raise ModuleNotFoundError('no torch in this image', name='torch')\n"
        "sys.meta_path.insert(0, Block())\n"
        "from components.preflight.model_checks import check_model\n"
        "from components.preflight.resolution import resolve\n"
        "import components.preflight.stage\n"
        f"print(check_model(resolve({str(model)!r}, 'main', 1))[1], 'torch' in sys.modules)\n"
    )
    finished = run_process_code(code)
    assert finished.output.strip() == "[] False", finished.output
