"""The house's rules, checked instead of wished: who may import whom, and what every stage folder holds."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STAGES = sorted(path.parent.name for path in (ROOT / "components").glob("*/component.py"))
LIGHT = {"pydantic", "kfp", "yaml", "components", "pipelines", "rich", "typer"} | set(sys.stdlib_module_names)


def imported(path: Path) -> set[str]:
    """Every module named in an import statement of a file, at any depth."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module or "")
    return names


def test_all_eleven_components_are_here() -> None:
    data, training = {"preflight", "validate_data", "anonymize", "split"}, {"sft", "reward", "ppo"}
    assert set(STAGES) == data | training | {"privacy_audit", "evaluate", "register", "notify"}


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_has_the_same_files(stage: str) -> None:
    folder = ROOT / "components" / stage
    missing = [name for name in ("component.py", "config.py", "stage.py", "README.md", "__init__.py") if not (folder / name).is_file()]
    assert not missing


@pytest.mark.parametrize("stage", STAGES)
def test_no_stage_imports_another(stage: str) -> None:
    allowed = (f"components.{stage}", "components.shared", "components.builtin")
    for path in (ROOT / "components" / stage).rglob("*.py"):
        others = {name for name in imported(path) if name.startswith(("components.", "pipelines")) and not name.startswith(allowed)}
        assert not others, f"{path}: {others}"


def test_shared_imports_no_stage() -> None:
    for path in (ROOT / "components" / "shared").rglob("*.py"):
        stages = {name for name in imported(path) if any(name.startswith(f"components.{stage}") for stage in STAGES)}
        assert not stages, f"{path}: {stages}"


@pytest.mark.parametrize("path", sorted(ROOT.glob("components/*/component.py")) + sorted(ROOT.glob("components/*/config.py")))
def test_definitions_and_configurations_import_nothing_heavy(path: Path) -> None:
    heavy = {name for name in imported(path) if name.partition(".")[0] not in LIGHT}
    assert not heavy


def loaded_after(statement: str) -> set[str]:
    """The top-level modules in memory after a statement, in a fresh interpreter."""
    code = f"{statement}\nimport sys\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout.split())


def test_the_pipeline_is_authored_without_torch() -> None:
    loaded = loaded_after("import pipelines.alignment, pipelines.local, pipelines.compile")
    assert "kfp" in loaded
    assert not loaded & {"torch", "transformers", "mlflow", "pandas", "great_expectations"}


def test_help_needs_neither_kfp_nor_torch() -> None:
    assert not loaded_after("import pipelines.cli") & {"kfp", "torch", "mlflow", "pydantic"}


@pytest.mark.parametrize(
    "module", ["components.preflight.stage", "components.validate_data.stage", "components.anonymize.stage", "components.split.stage"]
)
def test_stages_of_the_data_image_never_import_torch(module: str) -> None:
    assert "torch" not in loaded_after(f"import {module}")
