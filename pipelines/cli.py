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
Runs = Annotated[Path, typer.Option(help="Folder of local runs; MLFLOW_TRACKING_URI names another server.")]
RUNS = Path("runs")
Set = Annotated[list[str] | None, typer.Option("--set", help="Override a setting: ppo.kl_coef=0.1. May be repeated.")]


@app.command()
def run(
    profile: Profile = "local",
    set_: Set = None,
    runs: Annotated[Path, typer.Option(help="Folder for everything that runs leave.")] = RUNS,
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


@app.command()
def models(
    name: Annotated[str | None, typer.Argument(help="Registered model; all of them when left out.")] = None, runs: Runs = RUNS
) -> None:
    """List registered versions with aliases, gate and privacy verdicts."""
    from rich.console import Console
    from rich.table import Table

    from pipelines import registry

    registry.use_local_store(runs)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("model", "aliases", "gate", "privacy", "reload", "created", "commit"):
        table.add_column(column)
    for row in registry.list_versions(name):
        table.add_row(f"{row.name}/{row.version}", ", ".join(row.aliases), row.verdict, row.privacy, row.reload, row.created, row.commit)
    Console().print(table if table.row_count else "no version is registered yet")


@app.command()
def promote(
    name: str,
    version: str,
    reason: Annotated[str, typer.Option(help="Kept with the version: who decided what, and why.")],
    override: Annotated[bool, typer.Option(help="Promote although the gate refused it.")] = False,
    check: Annotated[bool, typer.Option(help="Load the version in a fresh process first.")] = True,
    runs: Runs = RUNS,
) -> None:
    """Make a version the champion; the former champion stays at hand as @previous."""
    from pipelines import registry

    registry.use_local_store(runs)
    former = registry.promote(name, version, reason, override=override, check=check)
    typer.echo(f"{name}/{version} is the champion now" + (f"; {name}/{former} is @previous" if former else ""))


@app.command()
def rollback(
    name: str,
    reason: Annotated[str, typer.Option(help="Kept with both versions.")],
    check: Annotated[bool, typer.Option(help="Load the version in a fresh process first.")] = True,
    runs: Runs = RUNS,
) -> None:
    """Give @champion back to the version before."""
    from pipelines import registry

    registry.use_local_store(runs)
    current, withdrawn = registry.rollback(name, reason, check=check)
    typer.echo(f"{name}/{current} is the champion again; {name}/{withdrawn} is withdrawn")


@app.command(name="sample-review")
def sample_review(
    artifact: Annotated[Path | None, typer.Argument(help="Output anonymized_conversations of a run, to draw a sample from.")] = None,
    output: Annotated[Path, typer.Option(help="Where to write the sample (CSV); keep it as safe as the data.")] = Path("review.csv"),
    answers: Annotated[Path | None, typer.Option(help="The sample with its column `left` filled in: print the recall bound.")] = None,
    number: Annotated[int, typer.Option(min=1, help="Random turns, and as many of the least certain ones.")] = 50,
    seed: Annotated[int, typer.Option(help="Of the random turns.")] = 0,
) -> None:
    """Give a clinician finished turns to read, and turn what they still see into a recall with its bound."""
    from components.shared.errors import ContractError
    from pipelines import sample_review as review

    if answers is not None:
        bound = review.read_answers(answers)
        typer.echo(
            f"random turns: {bound.turns}; replaced {bound.replaced}, still visible {bound.left}\n"
            f"recall {bound.recall:.4f}, one-sided 95 % lower bound {bound.recall_lower:.4f} (Clopper-Pearson)\n"
            f"least certain turns: {bound.uncertain_turns}; still visible {bound.uncertain_left} (not part of the bound)"
        )
        return
    if artifact is None:
        raise ContractError("give the folder anonymized_conversations of a run (below runs/pipeline), or --answers with a filled-in sample")
    turns = review.write_sample(artifact, output, number=number, seed=seed)
    typer.echo(
        f"wrote {turns} turns to {output}; count what is still visible in the column `left`, then: attune sample-review --answers {output}"
    )


def main() -> None:
    """Entry point: a user's mistake gives one message, not a traceback."""
    from components.shared.errors import EXIT_CONTRACT, ContractError

    try:
        app()
    except ContractError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(EXIT_CONTRACT)
