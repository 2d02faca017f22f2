"""The pipeline as KFP IR."""

from pathlib import Path

from kfp import compiler

from components.shared.errors import ContractError
from pipelines.alignment import build_pipeline
from pipelines.settings import Settings


def compile_pipeline(settings: Settings, output: Path) -> None:
    """Write the IR (and the platform document of kfp-kubernetes) as YAML.

    Raises:
        ContractError: the file name does not end in .yaml.
    """
    if output.suffix not in {".yaml", ".yml"}:
        raise ContractError(f"{output}: KFP reads .yaml files; give such a name")
    output.parent.mkdir(parents=True, exist_ok=True)
    compiler.Compiler().compile(build_pipeline(settings), str(output))
