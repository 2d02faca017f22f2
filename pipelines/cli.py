"""The ``attune`` command. Heavy imports wait inside the commands, so that ``attune --help`` answers at once."""

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Align psychological-support language models, on evidence.",
)

Profile = Annotated[str, typer.Option(help="Name of a profile, or path of a YAML file.")]
Set = Annotated[list[str] | None, typer.Option("--set", help="Override a setting: ppo.kl_coef=0.1. May be repeated.")]


@app.command()
def run(
    profile: Profile = "local",
    set_: Set = None,
    runs: Annotated[Path, typer.Option(help="Folder for everything that runs leave.")] = Path("runs"),
    name: Annotated[str, typer.Option(help="Name of the run, in MLflow and in notifications.")] = "",
    cache: Annotated[bool, typer.Option(help="Reuse stages of which nothing has changed.")] = True,
) -> None:
    """Run the whole pipeline on this machine, without Docker."""
    from pipelines.local import run_locally
    from pipelines.settings import Settings

    raise typer.Exit(run_locally(Settings.load(profile, set_ or []), runs, run_name=name, use_cache=cache))


@app.command(name="compile")
def compile_(
    output: Annotated[Path, typer.Argument(help="Where to write the IR (YAML).")] = Path("attune-alignment.yaml"),
    profile: Profile = "single-gpu",
    set_: Set = None,
) -> None:
    """Write the pipeline as KFP IR, to upload in the Kubeflow UI."""
    from pipelines.compile import compile_pipeline
    from pipelines.settings import Settings

    compile_pipeline(Settings.load(profile, set_ or []), output)
    typer.echo(f"wrote {output}")


def main() -> None:
    """Entry point: a user's mistake gives one message, not a traceback."""
    from components.shared.errors import EXIT_CONTRACT, ContractError

    try:
        app()
    except ContractError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(EXIT_CONTRACT)
