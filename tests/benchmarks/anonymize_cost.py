"""What it costs: characters a CPU second, time against size, the start of the rules path, memory against size."""

import json
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks import anonymize_corpus_run
from tests.benchmarks.anonymize_bounds import Line, Table
from tests.benchmarks.anonymize_engines import Setup, detector, shared_conversations, spans_of_turns
from tests.benchmarks.anonymize_planted import POLICY

_CONVERSATIONS = 60
_SIZES = (1000, 2000, 4000, 8000)
_STARTS = 3
_START = """
import sys, time
wall, cpu = time.perf_counter(), time.process_time()
from components.anonymize.rules import RuleDetector
RuleDetector().find(["My name is Ann Lee.", "My number is +44 20 7946 0958."])
taken = time.perf_counter() - wall, time.process_time() - cpu
torch = int("torch" in sys.modules)
from tests.benchmarks.anonymize_corpus_run import peak_megabytes
print(*taken, peak_megabytes(), torch)
"""
_MEMORY_SIZES = (10_000, 100_000)


def cost(setup: Setup) -> list[Table]:
    """Measure speed, linearity and start; times are of the CPU, so that other work on the machine disturbs them less."""
    return [_speed(setup), _linearity(setup), _start()]


def presidio(setup: Setup) -> list[Table]:
    """Run the comparison with Presidio's patterns in a process without torch; its own lines stand below the number."""
    command = [sys.executable, "-m", "tests.benchmarks.anonymize_speed", "--repeats", "3" if setup.quick else "5"]
    output = subprocess.run(command, check=False, capture_output=True, text=True)  # it exits with 1 where a target is missed
    ratio = re.search(r"ratio (\d+\.\d+), wanted (\d+\.\d+) \(n = (\d+)", output.stdout)
    assert ratio is not None, f"anonymize_speed printed no ratio; its error: {output.stderr[-500:]}"
    lines = [Line("documents a CPU second, ratio", float(ratio[1]), int(ratio[3]), None, float(ratio[2]), "at least", "median of runs")]
    return [Table("7. Rules against Presidio without a model, presidio-research", lines, output.stdout.splitlines(), "{:.2f}".format)]


def memory(setup: Setup) -> list[Table]:
    """Take 10,000 and then 100,000 conversations through the whole stage, rules only, and compare the peaks."""
    sizes = [setup.amount(size) for size in _MEMORY_SIZES]
    peaks = [_measured(size)["megabytes"] for size in sizes]
    table = Table("7. Peak memory of the stage's passes, rules only, one process (MB)", show="{:.0f}".format)
    table.lines = [Line(f"{size} conversations", peak, size) for size, peak in zip(sizes, peaks, strict=True)]
    ratio = Table("7. Peak memory, largest against smallest", [Line("ratio", peaks[-1] / peaks[0], sizes[-1], None, 1.5, "at most")])
    ratio.remarks.append("1.5 allows for ten times the index (offsets of rows, hashes of values), which is no text")
    return [table, ratio]


def _speed(setup: Setup) -> Table:
    """Time real conversations, in five parts whose slowest stands for the bound."""
    conversations = shared_conversations(setup.data / "esconv/conversations.valid.jsonl")[:_CONVERSATIONS]
    turns = [[message.content for message in messages] for messages in conversations]
    table = Table("7. Characters a CPU second, find and propagate (bound: the slowest of five parts)", show="{:.0f}".format)
    choices = {"+".join(setup.engines): (setup.engines, 10_000.0), "rules": (("rules",), None)}
    for name, (engines, target) in choices.items():
        spans_of_turns(turns[0], engines, POLICY)  # loads what is loaded at first use
        speeds = []
        seconds = 0.0
        for part in range(5):
            start = time.process_time()
            detector(engines).prepare([turn for contents in turns[part::5] for turn in contents])  # as the stage does, batch by batch
            for contents in turns[part::5]:
                spans_of_turns(contents, engines, POLICY)
            taken = time.process_time() - start
            seconds += taken
            speeds.append(sum(len(turn) for contents in turns[part::5] for turn in contents) / taken)
        characters = sum(len(turn) for contents in turns for turn in contents)
        table.lines.append(Line(name, characters / seconds, characters, min(speeds), target, "at least"))
    return table


def _linearity(setup: Setup) -> Table:
    """Take generated conversations through both passes of the stage, rules only."""
    sizes = [setup.amount(size) for size in _SIZES]
    seconds = [_measured(size)["seconds"] for size in sizes]
    table = Table("7. Both passes of the stage, rules only: CPU seconds a conversation, against those of the smallest set")
    for size, taken in zip(sizes, seconds, strict=True):
        value = taken / size / (seconds[0] / sizes[0])
        table.lines.append(
            Line(f"{size} conversations", value, size, None, 1.25 if size == sizes[-1] else None, "at most", f"{taken:.2f} s")
        )
    table.remarks.append("linear is 1.0; 1.25 allows for the noise of a shared machine")
    return table


def _start() -> Table:
    command = [sys.executable, "-c", _START]
    outputs = [subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(_STARTS)]
    wall, cpu, megabytes, torch = zip(*(map(float, output.split()) for output in outputs), strict=True)
    table = Table("7. Start of the rules path in a fresh process, first text included (bound: the worst start)", show="{:.2f}".format)
    table.lines = [
        Line("seconds", statistics.median(wall), _STARTS, max(wall), 3.0, "at most"),
        Line("CPU seconds", statistics.median(cpu), _STARTS, max(cpu), None, "at most"),
        Line("MB", statistics.median(megabytes), _STARTS, max(megabytes), 400.0, "at most"),
        Line("torch imported", max(torch), _STARTS, None, 0.0, "at most"),
    ]
    return table


def _measured(conversations: int) -> dict[str, float]:
    """Run the stage's passes over generated conversations in a fresh process; return its CPU seconds and peak megabytes."""
    with tempfile.TemporaryDirectory() as folder:
        write_conversations(Path(folder), conversations)
        command = [sys.executable, "-m", anonymize_corpus_run.__name__, folder]
        result = subprocess.run(command, check=True, capture_output=True, text=True)
    measured: dict[str, float] = json.loads(result.stdout.splitlines()[-1])
    return measured


def write_conversations(folder: Path, count: int) -> None:
    """Write short conversations of as many people, each with a name and a number of its own, and no preference pairs."""
    generator = random.Random(7)
    with (folder / anonymize_corpus_run.CONVERSATIONS).open("w", encoding="utf-8") as file:
        for number in range(count):
            name = "".join(generator.choice("bdfgklmnprst") + generator.choice("aeiou") for _ in range(3)).title()
            phone = f"+44 20 7946 {generator.randrange(10_000):04d}"
            messages = [
                {"role": "user", "content": f"My name is {name} and I cannot sleep since my brother left. You can call me on {phone}."},
                {"role": "assistant", "content": f"Thank you for telling me, {name}. What goes through your mind at night?"},
            ]
            row = {"id": f"row-{number}", "person_id": f"person-{number}", "messages": messages, "source": "generated", "meta": {}}
            file.write(json.dumps(row) + "\n")
    (folder / anonymize_corpus_run.PREFERENCES).write_text("", encoding="utf-8")
