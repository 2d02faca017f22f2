"""One run of the stage's passes in a process of its own: ``python -m tests.benchmarks.anonymize_corpus_run FOLDER``.

Prints CPU seconds (without imports) and the peak of the memory as JSON.
"""

import json
import os
import re
import sys
import time
from pathlib import Path

CONVERSATIONS, PREFERENCES = "conversations.jsonl", "preferences.jsonl"


def peak_megabytes() -> float:
    """Return the peak of this process' resident memory (``ru_maxrss`` would also tell the peak of the parent before exec)."""
    match = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"))
    assert match is not None, "Linux tells the peak"
    return int(match[1]) / 1024


def main() -> None:
    """Run both passes over the files of a folder."""
    from components.anonymize.config import AnonymizeConfig
    from components.anonymize.corpus import CorpusRun
    from components.anonymize.people import Spool

    folder = Path(sys.argv[1])
    os.environ.setdefault("ATTUNE_PSEUDONYM_KEY", "5e" * 32)
    config = AnonymizeConfig.parse({"workers": 1, "engines": {"morphology": "off", "neural": "off"}})
    paths = [folder / CONVERSATIONS, folder / PREFERENCES]
    spools = [Spool(folder / f".{path.name}.spool") for path in paths]
    reviews = Spool(folder / ".reviews.spool")
    start = time.process_time()
    result = CorpusRun(paths, config, None).run(spools, reviews)
    seconds = time.process_time() - start
    written = sum(map(len, spools))
    assert result.rows_in == written + len(result.quarantined), "every row is written or quarantined"
    print(json.dumps({"seconds": seconds, "megabytes": peak_megabytes(), "rows": result.rows_in, "quarantined": len(result.quarantined)}))  # noqa: T201


if __name__ == "__main__":
    main()
