"""How much of real counselling talk is replaced under the default policy."""

import random
from collections import Counter

from tests.benchmarks.anonymize_bounds import Table, share
from tests.benchmarks.anonymize_engines import Setup, shared_conversations, spans_of_many
from tests.benchmarks.anonymize_planted import POLICY

_SETS = {
    "ESConv": "esconv/conversations.train.jsonl",
    "AnnoMI": "annomi/conversations.jsonl",
    "counsel-chat": "counsel-chat/conversations.jsonl",
}
_CONVERSATIONS = 600
_TARGET = 0.01


def overmask(setup: Setup) -> list[Table]:
    """Count replaced characters by set, type and engine; what is rightly replaced counts, too, so that the truth is lower."""
    tables = []
    for name, path in _SETS.items():
        conversations = shared_conversations(setup.data / path)
        random.Random(0).shuffle(conversations)
        turns = [[message.content for message in messages] for messages in conversations[: setup.amount(_CONVERSATIONS)]]
        spans = spans_of_many(turns, setup, POLICY)
        masked = [sum(span.end - span.start for found in row for span in found) for row in spans]
        lengths = [sum(map(len, contents)) for contents in turns]
        table = Table(f"5. Characters replaced in {name} ({len(turns)} conversations; bound by resampling them)", show="{:.3%}".format)
        table.lines.append(share("all", list(zip(masked, lengths, strict=True)), "at most", _TARGET))
        by_type: Counter[str] = Counter()
        by_engine: Counter[str] = Counter()
        for span in (span for row in spans for found in row for span in found):
            by_type[span.type] += span.end - span.start
            by_engine[span.engine] += span.end - span.start
        for counts in (by_type, by_engine):
            pairs = [(label, count / sum(lengths)) for label, count in counts.most_common()]
            table.remarks.append(", ".join(f"{label} {portion:.3%}" for label, portion in pairs))
        tables.append(table)
    return tables
