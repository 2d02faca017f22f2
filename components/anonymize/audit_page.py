"""The page that a privacy officer reads: verdict, types and counts, measured recall; never a word of a person."""

from components.anonymize.facts import Facts
from components.anonymize.k_anonymity import K
from components.anonymize.leak_check import REASONS
from components.anonymize.policy import Policy
from components.anonymize.recall import Tally, wilson
from components.anonymize.spans import DIRECT_TYPES, TYPES
from components.shared.report import Page, Section, Table, render

_OPERATIONS = {
    "keep": "stays",
    "placeholder": "numbered placeholder",
    "redact": "[REDACTED]",
    "surrogate": "another name of the same culture, gender and case",
    "format": "another of the same form, from a range that belongs to nobody",
    "shift": "the date some weeks before, the same shift for all dates of a person",
    "band": "another age of the same band",
    "generalise": "a broader word",
    "class": "what kind of body it is",
}


def audit_page(facts: Facts, refusals: list[str]) -> str:
    """Return the report as HTML."""
    counts = facts.result.counts
    found, total = counts.tally.direct()
    missed = f" Of {total:,} direct identifiers that are known from gold spans, {total - found:,} were missed." if total else ""
    passed = f"{facts.rows_out:,} of {facts.rows_in:,} rows passed; {len(facts.result.quarantined):,} went to quarantine"
    verdict = " ".join(refusals) or f"{passed}; none of the values that were found is left in the output.{missed}"
    share = counts.masked / counts.characters if counts.characters else 0.0
    shown = {
        "Rows in": facts.rows_in,
        "Rows out": facts.rows_out,
        "Quarantined": len(facts.result.quarantined),
        "People": counts.people,
        "Values replaced": counts.entities.total(),
        "Characters replaced": f"{share:.2%}",
        "Engines": facts.engines.detector.name,
        "Key": facts.key,
    }
    if facts.engines.missing:
        shown["Engines that were wanted and are missing"] = ", ".join(facts.engines.missing)
    sections = [_entities(facts), _recall(counts.tally, facts), _leaks(facts), _anonymity(facts), _policy(facts)]
    return render(Page(title="Anonymization", verdict=verdict, good=not refusals, facts=shown, sections=sections))


def _entities(facts: Facts) -> Section:
    counts = facts.result.counts
    rows = [
        [name, name in DIRECT_TYPES, counts.entities[name], _operation(facts.config.policy, name)]
        for name in TYPES
        if counts.entities[name]
    ]
    engines = [[name, number] for name, number in sorted(counts.engines.items())]
    languages = [[name, number] for name, number in sorted(counts.languages.items())]
    return Section(
        "What was replaced",
        ["The same value of the same person got the same replacement wherever their rows mention it; another person's is another."],
        [
            Table(["Type", "Identifies directly", "Times", "Replaced by"], rows),
            Table(["Found by", "Times"], engines, "Propagation: mentions of a value that another place gave away."),
            Table(["Language of the turn", "Turns"], languages),
        ],
    )


def _recall(tally: Tally, facts: Facts) -> Section:
    if not tally.rows:
        return Section(
            "Recall", ["Recall was not measured on this data: no row carries gold spans (meta.entities). Have a sample reviewed by hand."]
        )
    rows = []
    for name in sorted(tally.total):
        low, high = wilson(tally.found[name], tally.total[name])
        rows.append([name, tally.total[name], tally.found[name], tally.found[name] / tally.total[name], f"{low:.3f} - {high:.3f}"])
    found, total = tally.direct()
    low, high = wilson(found, total)
    rows.append(["all direct identifiers", total, found, found / total if total else None, f"{low:.3f} - {high:.3f}"])
    text = [
        f"Measured on {tally.rows:,} rows with gold spans; a span counts as found only when all its characters were replaced.",
        f"Outside gold spans {tally.masked_outside_gold / max(1, tally.characters):.3%} of the characters were replaced.",
        "The figure holds for data like these rows. On other data it is a guess until it is measured there.",
    ]
    if tally.kept_by_policy:
        kept = ", ".join(f"{number:,} {name}" for name, number in sorted(tally.kept_by_policy.items()))
        text.append(f"Kept by policy and not counted: {kept} (ages below {facts.config.policy.minimum_age}, types that are not replaced).")
    return Section("Recall", text, [Table(["Type", "Gold spans", "Found", "Recall", "95 % interval"], rows)])


def _leaks(facts: Facts) -> Section:
    counts = facts.result.counts
    rows = [[reason, counts.reasons[reason], meaning] for reason, meaning in REASONS.items()]
    text = [
        "First look: every finished row was searched, by keyed hashes and without asking a detector, for every value that was replaced in"
        " that person's rows, in all spellings and inflections, in text, metadata and identifiers; and for every full name, number and"
        " address that was replaced in anybody's rows.",
        f"Second look: the engines read the finished rows again, with their thresholds times {facts.config.second_look:g}, and count what"
        " they take for a direct identifier outside the replacements.",
        "A hit sends the row to quarantine.",
    ]
    return Section("Leak check", text, [Table(["Reason", "Rows", "Meaning"], rows)])


def _anonymity(facts: Facts) -> Section:
    found = facts.result.told.anonymity()
    if not found.people:
        return Section("k-anonymity", ["No turn tells an age, a place, a job or a rare event that the engines see."])
    text = [
        f"Beside names, the turns of {found.people:,} people tell an age, a place, a job or a rare event. Generalised (ages by ten years,"
        f" places by country, jobs and events by class) these make {found.combinations:,} combinations.",
        f"The rarest is shared by {found.k_min:,}; {found.unique:,} belong to one person alone; {found.below_k:.1%} of these people"
        f" are in a combination of fewer than {K} people.",
    ]
    if found.suppress:
        reach = f"so that every combination has {K} people" if found.reached else f"and even then not every combination has {K} people"
        text.append(f"What to suppress first: {', then '.join(found.suppress)}, {reach}. The policy 'strict' generalises them in the text.")
    return Section("k-anonymity", text)


def _policy(facts: Facts) -> Section:
    policy = facts.config.policy
    text = [
        f"Ages from {policy.minimum_age} on are replaced, younger ones stay." if policy.minimum_age else "Every age is replaced.",
        f"Values that are never replaced: {len(policy.allow)}. Values that the owner listed as known: {facts.engines.known}.",
        "The result is de-identified, not anonymous: a reader who knows a person may still recognise a story, and the key can be used to"
        " test guesses. Under GDPR (recital 26) it stays personal data as long as the key exists.",
    ]
    table = Table(["Type", "Replaced by"], [[name, _operation(policy, name)] for name in TYPES])
    return Section("Policy", text, [table])


def _operation(policy: Policy, entity_type: str) -> str:
    operations = {str(name): operation.op for name, operation in policy.operators.items()}
    return _OPERATIONS[operations.get(entity_type, "keep")]
