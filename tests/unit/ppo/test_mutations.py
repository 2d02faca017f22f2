"""Whether the tests of the mathematics can fail: each mutation of a formula must be caught by the tests named beside it.

A row of the table names a fragment of a module's source, what it becomes, and tests. The changed source is run as a module of its own and
put in place of the original wherever the test module refers to that; then the tests are called in this process.
"""

import inspect
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from components.ppo import advantages, controllers, logprobs, losses, running_moments
from tests.unit.ppo import test_advantages, test_controllers, test_logprobs, test_losses, test_running_moments

TESTS_OF = {
    losses: test_losses,
    advantages: test_advantages,
    controllers: test_controllers,
    running_moments: test_running_moments,
    logprobs: test_logprobs,
}


class Mutation(NamedTuple):
    """What is wrong; the fragment, which occurs in the source exactly once; what stands in its place; a test that must fail."""

    name: str
    original: str
    mutated: str
    test: str


POLICY = "test_policy_loss_is_the_negative_mean_of_the_clipped_surrogates"
POLICY_SLOPE = "test_policy_gradient_is_minus_ratio_times_advantage_where_unclipped_and_zero_elsewhere"
POLICY_PADDING = "test_policy_padding_changes_neither_loss_nor_gradient_nor_statistics"
ONE_TOKEN = "test_each_way_of_clipping_one_token"
EXTREMES = "test_extreme_ratios_give_finite_losses_and_no_nan_gradient"
STATISTICS = "test_statistics_count_real_tokens_only"
VALUE = "test_value_loss_takes_the_worse_of_the_clipped_and_the_unclipped_error"
VALUE_SLOPE = "test_value_gradient_equals_finite_differences"
VALUE_PADDING = "test_value_padding_changes_neither_loss_nor_gradient_nor_statistics"
VALUE_STATISTICS = "test_value_statistics_count_the_tokens_that_the_clip_stopped"
ENTROPY = "test_entropy_share_is_the_masked_sum_over_the_mini_batch_and_so_is_its_gradient"
PTX = "test_cross_entropy_is_the_negative_sum_over_the_tokens_of_the_mini_batch_and_so_is_its_gradient"
KL = "test_kl_estimates_of_single_tokens"
SHAPED = "test_scores_are_normalised_then_clipped_then_fined"
CONSTRAINED = "test_constrained_scores_weigh_what_is_above_and_below_the_threshold_and_keep_the_scale"
REWARDS = "test_kl_is_charged_at_every_token_and_the_score_paid_at_the_last"
GAE = "test_generalised_advantages"
WHITEN = "test_whitening_sees_real_tokens_only"
KL_CONTROLLER = "test_adaptive_controller_corrects_by_at_most_a_fifth_of_the_horizon"
ENTROPY_CONTROLLER = "test_entropy_coefficient_rises_below_the_target_and_falls_above_it"
ENTROPY_BOUNDS = "test_entropy_coefficient_stays_between_its_bounds_and_comes_back_from_either"
MULTIPLIER = "test_multiplier_rises_while_replies_are_less_safe_than_wanted_and_falls_while_they_are_safer"
MULTIPLIER_BOUNDS = "test_multiplier_stays_between_its_bounds_and_comes_back_from_either"
MOMENTS = "test_three_batches_by_hand"
ONE_VALUE = "test_std_is_one_until_there_are_two_different_values"
SLOPES = "test_gradients_equal_finite_differences"
TILES = "test_values_do_not_depend_on_the_tiling"

DUAL = "ratio.clamp(1 - cliprange, dual_clip)"
POLICY_SUM = "return -(effective * advantages).sum() / num_tokens"
VALUE_SUM = "return 0.5 * torch.maximum(unclipped, clipped).sum() / num_tokens"
ENTROPY_SUM = "return zero_padding(values, mask).sum() / num_tokens"
K3 = "torch.expm1(_bounded(-difference)) + difference"
REAL_VALUES = "zero_padding(values, mask), zero_padding(old_values, mask), zero_padding(returns, mask)"
CONSTRAINT = "(scores + multiplier * (safety - threshold)) / (1 + multiplier)"
SCORE_AT = "(torch.arange(len(last), device=mask.device), last)"
DELTA = "rewards[:, step] + gamma * next_value - values[:, step]"
AHEAD = "(delta + gamma * lam * ahead) * mask[:, step]"
REAL_REWARDS = "zero_padding(rewards, mask), zero_padding(values, mask)\n"
MULTIPLIER_STEP = "self.rate * (self.threshold - mean_safety)"
JOINED = "squared_deviations + distance**2 * self.count * share"
EXPECTED = "(weight[targets[part]].float() - expected.float()) / temperature"

MUTATIONS: dict[ModuleType, list[Mutation]] = {
    losses: [
        Mutation("policy: sign", POLICY_SUM, POLICY_SUM.replace("-", ""), POLICY),
        Mutation(
            "policy: sign of its slope", POLICY_SUM, POLICY_SUM.replace("effective", "(2 * effective.detach() - effective)"), POLICY_SLOPE
        ),
        Mutation("policy: mean of the part", POLICY_SUM, POLICY_SUM.replace(".sum() / num_tokens", ".mean()"), POLICY),
        Mutation(
            "policy: ratio upside down",
            "zero_padding(logprobs - old_logprobs, mask)",
            "zero_padding(old_logprobs - logprobs, mask)",
            POLICY,
        ),
        Mutation("policy: advantages unmasked", "advantages = zero_padding(advantages, mask)", "advantages = advantages", POLICY),
        Mutation("policy: ratios unmasked", "zero_padding(logprobs - old_logprobs, mask)", "logprobs - old_logprobs", POLICY_PADDING),
        Mutation(
            "policy: mask that multiplies",
            "zero_padding(logprobs - old_logprobs, mask)",
            "(logprobs - old_logprobs) * mask",
            POLICY_PADDING,
        ),
        Mutation("all: mask that multiplies", "torch.where(mask.bool(), values, 0.0)", "values * mask", POLICY_PADDING),
        Mutation("all: mask upside down", "torch.where(mask.bool(), values, 0.0)", "torch.where(mask.bool(), 0.0, values)", POLICY),
        Mutation("policy: exp overflows", "0.5 * math.log(torch.finfo(exponent.dtype).max)", "math.inf", EXTREMES),
        Mutation("policy: clips change sides", "advantages < 0, ratio", "advantages > 0, ratio", ONE_TOKEN),
        Mutation("policy: lower clip's sign", DUAL, "ratio.clamp(1 + cliprange, dual_clip)", POLICY),
        Mutation("policy: upper clip's sign", "ratio.clamp(max=1 + high)", "ratio.clamp(max=1 - high)", POLICY),
        Mutation("policy: no lower clip", DUAL, "ratio.clamp(max=dual_clip or math.inf)", POLICY),
        Mutation("policy: no upper clip", "ratio.clamp(max=1 + high))", "ratio)", POLICY),
        Mutation("policy: upper range ignored", "cliprange if cliprange_high is None else cliprange_high", "cliprange", ONE_TOKEN),
        Mutation("dual clip: dropped", DUAL, "ratio.clamp(1 - cliprange)", ONE_TOKEN),
        Mutation("dual clip: inverted", DUAL, "ratio.clamp(1 - cliprange, dual_clip and 1 / dual_clip)", ONE_TOKEN),
        Mutation("dual clip: for every sign", "ratio.clamp(max=1 + high)", "ratio.clamp(max=1 + high).clamp(0, dual_clip)", ONE_TOKEN),
        Mutation("clipfrac: sides swapped", "low = effective > ratio", "low = effective < ratio", ONE_TOKEN),
        Mutation("clipfrac: upper side forgotten", "(low | high)", "low", STATISTICS),
        Mutation("clipfrac: whatever moved", "(effective < ratio) |", "(ratio > 1 + cliprange) |", ONE_TOKEN),
        Mutation(
            "approxkl: sign", "torch.expm1(_bounded(log_ratio)) - log_ratio", "torch.expm1(_bounded(-log_ratio)) + log_ratio", STATISTICS
        ),
        Mutation("value: sign", VALUE_SUM, VALUE_SUM.replace("0.5", "-0.5"), VALUE),
        Mutation("value: no half", VALUE_SUM, VALUE_SUM.replace("0.5 *", ""), VALUE),
        Mutation("value: better of the two", VALUE_SUM, VALUE_SUM.replace("maximum", "minimum"), VALUE_SLOPE),
        Mutation("value: mean of the part", VALUE_SUM, VALUE_SUM.replace(".sum() / num_tokens", ".mean()"), VALUE),
        Mutation("value: values unmasked", REAL_VALUES, REAL_VALUES.replace("zero_padding(values, mask)", "values"), VALUE_PADDING),
        Mutation("value: returns unmasked", REAL_VALUES, REAL_VALUES.replace("zero_padding(returns, mask)", "returns"), VALUE),
        Mutation("value: one-sided clip", "old_values - cliprange_value, old_values", "None, old_values", VALUE_SLOPE),
        Mutation("value clipfrac: sign", "(clipped > unclipped)", "(clipped < unclipped)", VALUE_STATISTICS),
        Mutation("entropy: sign", ENTROPY_SUM, ENTROPY_SUM.replace("return ", "return -"), ENTROPY),
        Mutation("entropy: no mask", ENTROPY_SUM, ENTROPY_SUM.replace("zero_padding(values, mask)", "values"), ENTROPY),
        Mutation("entropy: mean of the part", ENTROPY_SUM, ENTROPY_SUM.replace("num_tokens", "mask.sum()"), ENTROPY),
        Mutation("ptx: sign", "-logprobs.sum() / num_tokens", "logprobs.sum() / num_tokens", PTX),
        Mutation("ptx: mean of the part", "-logprobs.sum() / num_tokens", "-logprobs.mean()", PTX),
        Mutation("KL: sign", "difference = logprobs - ref_logprobs", "difference = ref_logprobs - logprobs", KL),
        Mutation("k1: never negative", "return difference\n", "return difference.abs()\n", KL),
        Mutation("k1: halved", "return difference\n", "return 0.5 * difference\n", KL),
        Mutation("k2: sign", "0.5 * difference.square()", "-0.5 * difference.square()", KL),
        Mutation("k2: no half", "0.5 * difference.square()", "difference.square()", KL),
        Mutation("k3: sign of the exponent", K3, K3.replace("-difference", "difference"), KL),
        Mutation("k3: sign of the control variate", K3, K3.replace(" + ", " - "), KL),
        Mutation("k3: no minus one", K3, K3.replace("expm1", "exp"), KL),
    ],
    advantages: [
        Mutation("scores: sign of the mean", "(scores - mean) / std", "(scores + mean) / std", SHAPED),
        Mutation("scores: not divided", "(scores - mean) / std", "(scores - mean)", SHAPED),
        Mutation("scores: clipped on one side", ".clamp(-clip_range, clip_range)", ".clamp(max=clip_range)", SHAPED),
        Mutation("scores: sign of the penalty", "normalised - missing", "normalised + missing", SHAPED),
        Mutation("scores: everyone fined", " * truncated.to(normalised.dtype)", "", SHAPED),
        Mutation("constraint: sign", CONSTRAINT, CONSTRAINT.replace("safety - threshold", "threshold - safety"), CONSTRAINED),
        Mutation("constraint: not divided", CONSTRAINT, CONSTRAINT.replace(" / (1 + multiplier)", ""), CONSTRAINED),
        Mutation("constraint: no threshold", CONSTRAINT, CONSTRAINT.replace("(safety - threshold)", "safety"), CONSTRAINED),
        Mutation("rewards: sign of the KL", "-kl_coef * zero_padding(kl, mask)", "kl_coef * zero_padding(kl, mask)", REWARDS),
        Mutation("rewards: no mask", "-kl_coef * zero_padding(kl, mask)", "-kl_coef * kl", REWARDS),
        Mutation("rewards: score on the padding's end", SCORE_AT, SCORE_AT.replace("last)", "-torch.ones_like(last))"), REWARDS),
        Mutation("rewards: score in place of the KL", "accumulate=True", "accumulate=False", REWARDS),
        Mutation("GAE: sign of the value", DELTA, DELTA.replace(" - values", " + values"), GAE),
        Mutation("GAE: no discount", DELTA, DELTA.replace("gamma * next", "next"), GAE),
        Mutation("GAE: no lambda", AHEAD, AHEAD.replace("lam * ", ""), GAE),
        Mutation("GAE: sign of what is ahead", AHEAD, AHEAD.replace(" + ", " - "), GAE),
        Mutation("GAE: padding pays", REAL_REWARDS, "rewards, zero_padding(values, mask)\n", GAE),
        Mutation("GAE: padding has a value", REAL_REWARDS, "zero_padding(rewards, mask), values\n", GAE),
        Mutation("returns: sign of the value", "(advantages + values) * mask", "(advantages - values) * mask", GAE),
        Mutation("whiten: sign of the mean", "zero_padding(values - mean, mask)", "zero_padding(values + mean, mask)", WHITEN),
        Mutation("whiten: mean over padding too", "count = mask.sum()", "count = mask.numel()", WHITEN),
        Mutation("whiten: no mask in the mean", "zero_padding(values, mask).sum() / count", "values.sum() / count", WHITEN),
        Mutation("whiten: no mask in the deviations", "zero_padding(values - mean, mask)", "values - mean", WHITEN),
        Mutation("whiten: divided by the variance", "torch.rsqrt(deviations", "torch.reciprocal(deviations", WHITEN),
        Mutation("explained variance: sign", "float(1 - error", "float(1 + error", "test_explained_variance"),
        Mutation(
            "explained variance: no mask",
            "returns[chosen], (returns - values)[chosen]",
            "returns, returns - values",
            "test_explained_variance",
        ),
    ],
    controllers: [
        Mutation("KL: sign", "self.kl_coef *= 1 + error", "self.kl_coef *= 1 - error", KL_CONTROLLER),
        Mutation(
            "KL: error unbounded", "min(max(kl / self.target - 1, -LARGEST_ERROR), LARGEST_ERROR)", "kl / self.target - 1", KL_CONTROLLER
        ),
        Mutation("KL: no horizon", "* episodes / self.horizon", "", KL_CONTROLLER),
        Mutation("entropy: sign", "(1 + self.rate * error)", "(1 - self.rate * error)", ENTROPY_CONTROLLER),
        Mutation("entropy: absolute error", "(self.target - entropy) / self.target", "self.target - entropy", ENTROPY_CONTROLLER),
        Mutation(
            "entropy: rise unbounded", "entropy) / self.target, -1.0), 1.0)", "entropy) / self.target, -1.0), 9.0)", ENTROPY_CONTROLLER
        ),
        Mutation("entropy: no floor", "max(moved, SMALLEST_ENTROPY_COEF)", "moved", ENTROPY_BOUNDS),
        Mutation(
            "entropy: no ceiling",
            "min(max(moved, SMALLEST_ENTROPY_COEF), self.maximum)",
            "max(moved, SMALLEST_ENTROPY_COEF)",
            ENTROPY_BOUNDS,
        ),
        Mutation("multiplier: sign", MULTIPLIER_STEP, "self.rate * (mean_safety - self.threshold)", MULTIPLIER),
        Mutation("multiplier: no rate", MULTIPLIER_STEP, "(self.threshold - mean_safety)", MULTIPLIER),
        Mutation("multiplier: not its logarithm", "math.log(self.value) + ", "self.value + ", MULTIPLIER),
        Mutation("multiplier: no floor", "max(logarithm, math.log(SMALLEST_MULTIPLIER))", "logarithm", MULTIPLIER_BOUNDS),
    ],
    running_moments: [
        Mutation("joined with the wrong sign", JOINED, JOINED.replace("+", "-"), MOMENTS),
        Mutation("joined without the distance of the means", JOINED, "squared_deviations", MOMENTS),
        Mutation("sample variance", "self._squared_deviations / self.count", "self._squared_deviations / (self.count - 1)", MOMENTS),
        Mutation("mean moves the wrong way", "self._mean += distance * share", "self._mean -= distance * share", MOMENTS),
        Mutation("mean of the means", "self._mean += distance * share", "self._mean += distance / 2", MOMENTS),
        Mutation(
            "weighted before divided",
            "self._mean += distance * share",
            "self._mean += distance * len(batch) / (len(batch) + self.count)",
            ONE_VALUE,
        ),
        Mutation("deviations from zero", "float(origin + (batch - origin).mean())", "float(batch.mean())", ONE_VALUE),
        Mutation("zero for equal values", "else 1.0", "else 0.0", ONE_VALUE),
        Mutation("summed in single precision", "torch.float64", "torch.float32", "test_single_precision_batches_are_summed_in_double"),
    ],
    logprobs: [
        Mutation("slope of log p: sign", EXPECTED, f"-{EXPECTED}", SLOPES),
        Mutation("slope of log p: no temperature", EXPECTED, EXPECTED.replace(" / temperature", ""), SLOPES),
        Mutation("slope of log p: no expectation", EXPECTED, EXPECTED.replace(" - expected.float()", ""), SLOPES),
        Mutation("slope of H: sign", "add_(entropies[part, None])).neg_()", "add_(entropies[part, None]))", SLOPES),
        Mutation("slope of H: no H", "logs.add_(entropies[part, None])", "logs", SLOPES),
        Mutation(
            "slope of H: no temperature",
            "(slopes.to(weight.dtype) @ weight).float() / temperature",
            "(slopes.to(weight.dtype) @ weight).float()",
            SLOPES,
        ),
        Mutation("H: sign", "-(probabilities * logs).sum(-1)", "(probabilities * logs).sum(-1)", TILES),
        Mutation("temperature dropped", "else logits / temperature", "else logits", TILES),
        Mutation("temperature upside down", "else logits / temperature", "else logits * temperature", TILES),
    ],
}
CASES = [pytest.param(module, mutation, id=mutation.name) for module, mutations in MUTATIONS.items() for mutation in mutations]


def source_as_module(original: ModuleType, source: str) -> ModuleType:
    module = ModuleType(original.__name__)
    exec(compile(source, f"{original.__file__} (mutated)", "exec"), vars(module))
    return module


@contextmanager
def in_place_of(original: ModuleType, replacement: ModuleType) -> Iterator[None]:
    """Let the tests of ``original`` see ``replacement``: the module itself, and whatever they imported from it by name."""
    tests = TESTS_OF[original]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in list(vars(tests).items()):
            if value is original:
                patch.setattr(tests, name, replacement)
            elif callable(value) and vars(original).get(name) is value and value.__module__ == original.__name__:
                patch.setattr(tests, name, getattr(replacement, name))
        yield


def call(test: Any) -> None:
    """Call a test function with each combination of its parameters."""
    marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
    for combination in itertools.product(*(mark.args[1] for mark in marks)):
        arguments: dict[str, Any] = {}
        for mark, value in zip(marks, combination, strict=True):
            names = [name.strip() for name in mark.args[0].split(",")] if isinstance(mark.args[0], str) else list(mark.args[0])
            arguments |= dict(zip(names, [value] if len(names) == 1 else value, strict=True))
        with pytest.MonkeyPatch.context() as monkeypatch:
            if "monkeypatch" in inspect.signature(test).parameters:
                arguments["monkeypatch"] = monkeypatch
            test(**arguments)


@pytest.mark.parametrize(("module", "mutation"), CASES)
def test_a_wrong_formula_is_noticed(module: ModuleType, mutation: Mutation) -> None:
    source, test = inspect.getsource(module), getattr(TESTS_OF[module], mutation.test)
    assert source.count(mutation.original) == 1, (
        f"{mutation.original!r} is not in {module.__name__} exactly once; bring the table up to date"
    )
    with in_place_of(module, source_as_module(module, source)):
        call(test)
    with in_place_of(module, source_as_module(module, source.replace(mutation.original, mutation.mutated))), pytest.raises(AssertionError):
        call(test)
