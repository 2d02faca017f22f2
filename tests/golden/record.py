"""Record golden runs anew: ``python -m tests.golden.record [NAME ...]`` (all of them without a name).

Do this only when the numbers are meant to change, and say why in the commit. Refused while tracked files have changes, because the file
names the commit that made it.
"""

import argparse
import subprocess
import sys

from tests.golden import golden


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="*", help=f"which; there are {', '.join(golden.names())}")
    chosen = parser.parse_args(argv).name or golden.names()
    if unknown := sorted(set(chosen) - set(golden.names())):
        parser.error(f"no golden run {', '.join(unknown)}; there are {', '.join(golden.names())}")
    if changes := changed_files():
        sys.stderr.write(f"refused: {len(changes)} files have uncommitted changes, commit them first: {', '.join(changes)}\n")
        return 2
    commit = _git("rev-parse", "HEAD")
    for name in chosen:
        golden.write(name, golden.Recording(golden.environment(commit), golden.run(name)))
        sys.stdout.write(f"recorded {golden.FOLDER / name}.json at {commit[:10]}\n")
    return 0


def changed_files() -> list[str]:
    """Return files whose changes would make the recording untrue: code of components and tests, tracked or new."""
    lines = _git("status", "--porcelain", "--", ":(top)components", ":(top)tests").splitlines()
    paths = [line.split(maxsplit=1)[1] for line in lines]
    return [path for path in paths if not (path.startswith("tests/golden/") and path.endswith(".json"))]


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=golden.FOLDER, capture_output=True, text=True, check=True).stdout.rstrip()


if __name__ == "__main__":
    sys.exit(main())
