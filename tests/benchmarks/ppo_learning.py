"""Does Attune's PPO learn as well as TRL's? ``python -m tests.benchmarks.ppo_learning --peer-python PATH``.

On the sample data, from one finished local run (``make run`` first): the same base, sft adapter, reward model, prompts and budget of
episodes, several seeds. Both sides keep their policy adapter every few steps; one evaluator, which uses neither side's code, samples
replies to held-out prompts from each and measures score and KL to the SFT policy. Prints the mean score at equal KL; no text. Runs that
have finished are not repeated: remove their folder for that.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.benchmarks import ppo_learning_score
from tests.benchmarks.ppo_learning_inputs import WAYS, latest_run, prepare

FOLDER = Path("runs/bench/ppo_learning")
ARMS = ["trl", *WAYS]


def main() -> int:
    """Prepare, train, evaluate, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer-python", required=True, help="Python of an environment with trl==1.12.0")
    parser.add_argument("--arms", default="trl,plain,composite", help=f"comma separated, of {', '.join(ARMS)}")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the pipeline's local runs")
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="NAME=VALUE", help="settings of both sides, see ppo_learning_inputs.SETTINGS"
    )
    parser.add_argument("--only", choices=["train", "score"], help="one half of the work")
    parser.add_argument("--json", type=Path, default=FOLDER / "learning.json")
    arguments = parser.parse_args()
    inputs = FOLDER / "inputs"
    if not (inputs / "settings.json").is_file():
        changes = {name: json.loads(value) for name, value in (item.split("=", 1) for item in arguments.set)}
        prepare(latest_run(arguments.runs), inputs, changes)
    arms = arguments.arms.split(",")
    if arguments.only != "score":
        for seed in range(arguments.seeds):
            for arm in arms:
                train(arm, seed, inputs, arguments)
    if arguments.only != "train":
        result = ppo_learning_score.compare(inputs, {arm: [FOLDER / f"{arm}-{seed}" for seed in range(arguments.seeds)] for arm in arms})
        print("\n".join(ppo_learning_score.lines(result)))  # noqa: T201
        arguments.json.write_text(json.dumps(result, indent=1), encoding="utf-8")
    return 0


def train(arm: str, seed: int, inputs: Path, arguments: argparse.Namespace) -> None:
    """Run one side with one seed, unless it has finished before."""
    output = FOLDER / f"{arm}-{seed}"
    finished = output / "finished.json"
    if finished.is_file():
        return
    if arm == "trl":
        command = [arguments.peer_python, "-m", "tests.benchmarks.ppo_learning_peer", str(inputs), str(output)]
    else:
        command = [sys.executable, "-m", "tests.benchmarks.ppo_learning_subject", str(inputs), str(output), "--way", arm]
        command += ["--runs", str(arguments.runs)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([*command, "--seed", str(seed)], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{arm}, seed {seed}, failed:\n{done.stderr[-3000:]}")
    row: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    finished.write_text(json.dumps(row), encoding="utf-8")
    print(f"{arm:14s} seed {seed}: {row['seconds']:.0f} s", flush=True)  # noqa: T201


if __name__ == "__main__":
    raise SystemExit(main())
