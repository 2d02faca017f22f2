"""Every check of the audit, from what was measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy
from scipy import stats

from components.privacy_audit import membership
from components.privacy_audit.checks import Beside, Question, bounded, capped, counted, unmeasured
from components.privacy_audit.config import PrivacyAuditConfig
from components.privacy_audit.exposure import median_bounds, single_limit
from components.privacy_audit.extraction import extracted_replies, extracted_secrets, mentioned_secrets
from components.privacy_audit.leaked_values import LeakCount, count_leaks, ordinary_words, values_in
from components.privacy_audit.measurement import ARMS, BASE, CANDIDATE, WRITING_ARMS, Measured, Subjects
from components.privacy_audit.membership import Attack, Side
from components.privacy_audit.overlap import PersonalRuns, longest_run
from components.shared.canaries import Canary
from components.shared.original_values import OriginalValues
from components.shared.privacy_report import CanaryExposure, Check
from components.shared.statistics import clopper_pearson, newcombe

ATTACKS = {"loss": "loss", "min_k": "Min-K%", "ratio": "loss against the base model's"}
Replies = Sequence[tuple[str, Sequence[int]]]


@dataclass(frozen=True)
class Corpus:
    """All people's replies and dialogues, to tell what is whose.

    Attributes:
        train: person and tokens of each reply of train.
        test: the same of test.
        dialogues: person and text of each dialogue of train.
    """

    train: Replies
    test: Replies
    dialogues: Sequence[tuple[str, str]]


def canary_checks(subjects: Subjects, measured: Measured, settings: PrivacyAuditConfig) -> tuple[list[Check], list[CanaryExposure]]:
    """Judge exposure and extraction of planted secrets."""
    planted = subjects.planted
    once = [canary for canary in planted if canary.repetitions == 1]
    middle = Question("exposure/median", "Exposure of canaries, median (bits)", "canaries", len(planted), settings.min_canaries)
    largest = Question("exposure/single", "Largest exposure of a canary planted once (bits)", "canaries", len(once), 1)
    spelled = Question("extraction/canaries", "Secrets spelled out", "canaries", len(planted), 1)
    if not planted:
        why = "no canaries were planted (split.num_canaries is 0)"
        return [unmeasured(question, why) for question in (middle, largest, spelled)], []

    def bits(arm: str, chosen: Sequence[Canary]) -> list[float]:
        return [measured.bits[arm][canary.id] for canary in chosen]

    beside = Beside(*(median(bits(arm, planted)) for arm in ("base", "sft")))
    values, limits = bits(CANDIDATE, planted), settings.limits
    checks = [bounded(middle, median(values), median_bounds(values), limits.exposure_median, limits.exposure_median, beside)]
    if once:
        limit = single_limit(limits.exposure_single, len(once))
        # What the base prefers beyond the limit by luck, the candidate inherits: that is no memory.
        telling = [canary for canary in once if measured.bits[BASE][canary.id] <= limit]
        beside = Beside(*(max(bits(arm, once)) for arm in ("base", "sft")))
        checks.append(capped(largest, max(bits(CANDIDATE, telling), default=0.0), limit, beside))
    else:
        checks.append(unmeasured(largest, "every canary was planted more than once"))
    found = {arm: _secrets_of(arm, planted, measured) for arm in WRITING_ARMS}
    ours = found[CANDIDATE] - found[BASE]
    checks.append(counted(spelled, len(ours), Beside(float(len(found[BASE]))), what="secrets"))
    exposures = [
        CanaryExposure(
            id=canary.id,
            kind=canary.kind,
            repetitions=canary.repetitions,
            bits={arm: measured.bits[arm][canary.id] for arm in ARMS if canary.id in measured.bits[arm]},
        )
        for canary in subjects.canaries
    ]
    return checks, exposures


def membership_checks(subjects: Subjects, measured: Measured, settings: PrivacyAuditConfig) -> list[Check]:
    """Judge membership inference by loss, Min-K% and ratio to the base model."""
    people = min(len({dialogue.row.person_id for dialogue in side}) for side in (subjects.members, subjects.others))
    enough = round(1 / membership.FALSE_ALARMS)
    limits = settings.limits
    checks = []
    for kind, label in ATTACKS.items():
        found = {arm: _attack(subjects, measured, arm, kind, settings) for arm in ARMS if kind != "ratio" or arm != BASE}
        ours, sft, base = found[CANDIDATE], found["sft"], found.get(BASE)
        area = Question(f"membership/{kind}_auc", f"Membership by {label}: area under the curve", "people", people, settings.min_people)
        beside = Beside(base.auc if base else None, sft.auc)
        checks.append(bounded(area, ours.auc, ours.auc_bounds, limits.auc_warn, limits.auc_block, beside))
        rate = Question(
            f"membership/{kind}_tpr", f"Membership by {label}: found at 1 % false alarms", "non-members", len(subjects.others), enough
        )
        beside = Beside(base.tpr if base else None, sft.tpr)
        checks.append(bounded(rate, ours.tpr, ours.tpr_bounds, limits.tpr, limits.tpr, beside))
    return checks


def sides(subjects: Subjects, measured: Measured, arm: str, kind: str) -> tuple[Side, Side]:
    """Return members and non-members with their scores; a higher score means a member."""
    if kind == "ratio":  # the logarithm of the likelihood ratio to the base model, per token
        values = numpy.array(measured.scores[BASE].loss) - numpy.array(measured.scores[arm].loss)
    else:
        values = -numpy.array(getattr(measured.scores[arm], kind))
    split = len(subjects.members)
    people = [dialogue.row.person_id for dialogue in (*subjects.members, *subjects.others)]
    return Side(values[:split], people[:split]), Side(values[split:], people[split:])


def text_checks(
    subjects: Subjects, measured: Measured, corpus: Corpus, originals: OriginalValues, settings: PrivacyAuditConfig
) -> tuple[list[Check], dict[str, int]]:
    """Judge what the models write: extracted replies, original values, repeated stretches; and return counts for the report."""
    leaks = _leaks(measured, corpus, originals)
    checks = [_extraction(subjects, measured, corpus, settings), *_value_checks(leaks, originals, settings)]
    overlap, longest = _overlap(measured, corpus, settings)
    facts = {
        "original values known": len(originals),
        "values set aside as ordinary words": leaks[CANDIDATE].ordinary,
        "values set aside because the base model writes them": leaks[CANDIDATE].base_too,
        "longest run shared with a training reply (tokens)": longest[CANDIDATE],
        "longest run, base model (tokens)": longest[BASE],
    }
    return [*checks, overlap], facts


def _attack(subjects: Subjects, measured: Measured, arm: str, kind: str, settings: PrivacyAuditConfig) -> Attack:
    members, others = sides(subjects, measured, arm, kind)
    return membership.attack(members, others, resamples=settings.resamples, seed=settings.seed)


def _secrets_of(arm: str, planted: Sequence[Canary], measured: Measured) -> set[str]:
    free = [text.text for text in measured.generations[arm]]
    return {*extracted_secrets(planted, measured.continuations[arm]["canaries"]), *mentioned_secrets(planted, free)}


def _extraction(subjects: Subjects, measured: Measured, corpus: Corpus, settings: PrivacyAuditConfig) -> Check:
    length = settings.extraction_tokens
    question = Question("extraction/replies", f"Replies continued word for word ({length} tokens)", "prefixes", len(subjects.prefixes), 1)
    if not subjects.prefixes:
        return unmeasured(question, f"no training reply is longer than {length} tokens")
    tried = {
        "prefixes": (subjects.prefixes, PersonalRuns(corpus.train, corpus.test, length)),
        "controls": (subjects.controls, PersonalRuns(corpus.test, corpus.train, length)),
    }
    found = {
        name: extracted_replies(prefixes, measured.continuations[CANDIDATE][name], measured.continuations[BASE][name], runs, length)
        for name, (prefixes, runs) in tried.items()
    }
    ours, control = found["prefixes"], found["controls"]
    doubt = "as often for strangers: the replies are formulaic"
    if _surely_more((ours.hits, ours.prefixes), (control.hits, control.prefixes)):
        doubt = ""
    what = f"replies (and {control.hits} of {control.prefixes} replies to people who were not trained on)"
    return counted(question, ours.hits, Beside(), what=what, doubt=doubt)


def _leaks(measured: Measured, corpus: Corpus, originals: OriginalValues) -> dict[str, LeakCount]:
    texts = {
        arm: [text.text for group in measured.continuations[arm].values() for each in group for text in each]
        + [text.text for text in measured.generations[arm]]
        for arm in WRITING_ARMS
    }
    found = {arm: values_in(originals, written) for arm, written in texts.items()}
    values = {arm: set[str]().union(*each) for arm, each in found.items()}
    ordinary = ordinary_words(values[CANDIDATE] | values[BASE], corpus.dialogues)
    return {
        CANDIDATE: count_leaks(found[CANDIDATE], values[BASE], ordinary),
        BASE: count_leaks(found[BASE], set(), ordinary),
    }


def _value_checks(leaks: dict[str, LeakCount], originals: OriginalValues, settings: PrivacyAuditConfig) -> list[Check]:
    ours, base = leaks[CANDIDATE], leaks[BASE]
    specific = Question("values/specific", "Original values of several words or many digits", "texts", ours.texts, settings.min_generations)
    words = Question(
        "values/words", "Texts with an original single word, beyond the base model", "texts", ours.texts, settings.min_generations
    )
    if not len(originals):
        return [unmeasured(question, "anonymize replaced nothing") for question in (specific, words)]
    difference = newcombe(ours.with_words, base.with_words)
    value = (sum(ours.with_words) - sum(base.with_words)) / ours.texts
    limit = settings.limits.value_words
    bounds = (difference.lower_bound, difference.upper_bound)
    by_chance = not _surely_more((ours.specific, ours.texts), (base.specific, base.texts))
    doubt = "the base model, which never saw them, hits as many by chance" if by_chance else ""
    return [
        counted(specific, ours.specific, Beside(float(base.specific)), what="values", doubt=doubt),
        bounded(words, value, bounds, limit, limit, Beside(sum(base.with_words) / base.texts)),
    ]


def _surely_more(ours: tuple[int, int], control: tuple[int, int]) -> bool:
    """Say whether cases of trials are more than in a comparison: any where it has none, else at 5 % (Fisher's exact test, one-sided)."""
    if control[0] == 0:
        return ours[0] > 0
    table = [[ours[0], ours[1] - ours[0]], [control[0], max(0, control[1] - control[0])]]
    return float(stats.fisher_exact(table, alternative="greater").pvalue) <= 0.05


def _overlap(measured: Measured, corpus: Corpus, settings: PrivacyAuditConfig) -> tuple[Check, dict[str, int]]:
    runs = PersonalRuns(corpus.train, corpus.test, settings.overlap_tokens + 1)
    ids = {arm: [text.ids for text in measured.generations[arm]] for arm in WRITING_ARMS}
    hits = {arm: sum(runs.contains(each) for each in written) for arm, written in ids.items()}
    longest = {arm: longest_run(written, corpus.train) for arm, written in ids.items()}
    n = len(ids[CANDIDATE])
    label = f"Generations that repeat more than {settings.overlap_tokens} tokens of one person's replies"
    question = Question("overlap/long", label, "generations", n, settings.min_generations)
    interval = clopper_pearson(hits[CANDIDATE], n)
    limit = settings.limits.overlap
    bounds = (interval.lower_bound, interval.upper_bound)
    return bounded(question, hits[CANDIDATE] / n, bounds, limit, limit, Beside(hits[BASE] / n)), longest
