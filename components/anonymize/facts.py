"""What the stage tells of its work: metrics, and why the result must not go on."""

from dataclasses import dataclass

from components.anonymize.config import AnonymizeConfig
from components.anonymize.corpus import Result
from components.anonymize.engines import Engines
from components.anonymize.leak_check import SUSPECT
from components.anonymize.recall import wilson


@dataclass(frozen=True)
class Facts:
    """Everything that report and metrics are made of; numbers and names of types, never a text."""

    config: AnonymizeConfig
    result: Result
    engines: Engines
    key: str
    """Fingerprint of the key."""

    @property
    def rows_in(self) -> int:
        """Rows read."""
        return self.result.rows_in

    @property
    def rows_out(self) -> int:
        """Rows written."""
        return self.rows_in - len(self.result.quarantined)

    @property
    def suspects(self) -> int:
        """Rows that the second look quarantined."""
        return self.result.counts.reasons[SUSPECT]

    @property
    def leaks(self) -> int:
        """Rows in which an original value survived."""
        return self.result.counts.reasons.total() - self.suspects

    def refusals(self) -> list[str]:
        """Return why the data must not go on, in sentences; empty when they may."""
        refusals = []
        config, counts = self.config, self.result.counts
        if self.leaks > config.max_leak_fraction * self.rows_in:
            reasons = ", ".join(f"{name}: {number}" for name, number in sorted(counts.reasons.items()) if name != SUSPECT)
            refusals.append(
                f"Original values survived in {self.leaks} of {self.rows_in} rows ({reasons}),"
                f" more than anonymize.max_leak_fraction={config.max_leak_fraction} allows;"
                " see the quarantine artifact for file and line. LEAK_IN_IDENTIFIER: give rows and people ids that say nothing of a person."
            )
        if self.suspects > config.max_suspect_fraction * self.rows_in:
            refusals.append(
                f"The second look half believes to see direct identifiers in {self.suspects} of {self.rows_in} finished rows,"
                f" more than anonymize.max_suspect_fraction={config.max_suspect_fraction} allows; have them reviewed (quarantine artifact),"
                " name an engine that knows these data (anonymize.engines.model), or list known names (data.known_values)."
            )
        found, total = counts.tally.direct()
        if config.min_recall is not None and total and found < config.min_recall * total:
            refusals.append(
                f"Recall of direct identifiers is {found / total:.4f} ({found} of {total} gold spans),"
                f" but anonymize.min_recall={config.min_recall} is wanted;"
                " see the report for the types that are missed, and do not use these data for training as they are."
            )
        return refusals

    def metrics(self) -> dict[str, float]:
        """Return the stage's metrics."""
        counts = self.result.counts
        values: dict[str, float] = {
            "rows/in": self.rows_in,
            "rows/out": self.rows_out,
            "rows/quarantined": len(self.result.quarantined),
            "people": counts.people,
            "leaks": self.leaks,
            "suspects": self.suspects,
            "engines_missing": len(self.engines.missing),
            "masked_fraction": counts.masked / max(1, counts.characters),
            "entities/total": counts.entities.total(),
        }
        values |= {f"entities/{name}": number for name, number in sorted(counts.entities.items())}
        values |= {f"turns/{name}": number for name, number in sorted(counts.languages.items())}
        values |= self.result.told.metrics()
        tally = counts.tally
        if tally.rows:
            values |= {f"recall/{name}": tally.found[name] / total for name, total in sorted(tally.total.items())}
            found, total = tally.direct()
            values["overmask_fraction"] = tally.masked_outside_gold / max(1, tally.characters)
            if total:
                values |= {"recall/direct": found / total, "recall/direct_lower": wilson(found, total)[0], "recall/direct_count": total}
        return values
