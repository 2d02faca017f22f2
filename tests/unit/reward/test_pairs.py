"""Pairs as tokens: where the reply begins, what a margin is, what is shortened or left out."""

import pytest

from components.reward.pairs import MarginRule, build
from components.shared import chat
from components.shared.errors import ContractError
from components.shared.records import Message, PreferencePair
from tests.tiny_model import build_tokenizer, preference_pair

NO_MARGIN = MarginRule((), 1.0)


def pair(prompt: list[str], chosen: str, rejected: str) -> PreferencePair:
    roles = ["user", "assistant"]
    return PreferencePair(
        id="q",
        person_id="p",
        prompt=[Message.model_validate({"role": roles[index % 2], "content": text}) for index, text in enumerate(prompt)],
        chosen=[Message(role="assistant", content=chosen)],
        rejected=[Message(role="assistant", content=rejected)],
    )


class TestMarginRule:
    rule = MarginRule(("empathy", "safety"), 0.5)

    def test_scaled_mean_difference(self) -> None:
        ratings = {"chosen": {"empathy": 5, "safety": 4, "other": 9}, "rejected": {"empathy": 1, "safety": 2, "other": 0}}

        assert self.rule.margin(ratings) == pytest.approx(0.5 * (4 + 2) / 2)

    def test_an_attribute_rated_on_one_side_does_not_count(self) -> None:
        assert self.rule.margin({"chosen": {"empathy": 5, "safety": 5}, "rejected": {"empathy": 3}}) == pytest.approx(1.0)

    def test_a_preferred_reply_with_lower_ratings_has_margin_zero(self) -> None:
        assert self.rule.margin({"chosen": {"empathy": 1}, "rejected": {"empathy": 4}}) == 0.0

    @pytest.mark.parametrize(
        "ratings", [None, "high", {}, {"chosen": {"empathy": 3}}, {"chosen": {"empathy": "3"}, "rejected": {"empathy": 1}}]
    )
    def test_unrated(self, ratings: object) -> None:
        assert self.rule.margin(ratings) is None

    def test_no_attributes(self) -> None:
        assert NO_MARGIN.margin({"chosen": {"empathy": 5}, "rejected": {"empathy": 1}}) is None


def test_the_last_token_is_the_end_of_the_reply() -> None:
    tokenizer = build_tokenizer()
    source = preference_pair(3)

    (row,) = build(tokenizer, [source], 500, MarginRule(("empathy",), 0.25), "train").rows

    prompt = chat.encode_prompt(tokenizer, source.prompt)
    assert row.chosen_ids[: len(prompt)] == row.rejected_ids[: len(prompt)] == prompt
    assert tokenizer.decode(row.chosen_ids[len(prompt) :]) == source.chosen[0].content + "<|end|>"
    assert tokenizer.decode(row.rejected_ids[len(prompt) :]) == source.rejected[0].content + "<|end|>"
    assert (row.chosen_length, row.rejected_length) == (len(row.chosen_ids) - len(prompt), len(row.rejected_ids) - len(prompt))
    assert row.margin == pytest.approx(0.25 * 1)  # rated 3 against 2
    assert len(row) == max(len(row.chosen_ids), len(row.rejected_ids))


def test_long_prompts_lose_old_turns_for_both_replies_alike() -> None:
    tokenizer = build_tokenizer()
    source = pair(["first " * 5, "x", "second", "y", "third"], "No.", "A longer reply here.")
    whole = build(tokenizer, [source], 500, NO_MARGIN, "train")
    limit = len(whole.rows[0]) - 1

    short = build(tokenizer, [source], limit, NO_MARGIN, "train")

    assert (whole.num_shortened, short.num_shortened) == (0, 1)
    assert len(short.rows[0]) <= limit
    texts = [tokenizer.decode(ids) for ids in (short.rows[0].chosen_ids, short.rows[0].rejected_ids)]
    assert all(text.startswith("<|user|>\nsecond<|end|>") for text in texts)
    assert short.rows[0].chosen_length == whole.rows[0].chosen_length


def test_what_cannot_fit_is_left_out_and_counted() -> None:
    tokenizer = build_tokenizer()
    fits, too_long = pair(["a"], "b", "c"), pair(["a"], "b", "word " * 60)

    pairs = build(tokenizer, [fits, too_long, fits], 40, NO_MARGIN, "train")

    assert (len(pairs.rows), pairs.num_too_long, pairs.num_unrated) == (2, 1, 2)


def test_no_pairs_is_an_error() -> None:
    with pytest.raises(ContractError, match="validation: none of 0 preference pairs"):
        build(build_tokenizer(), [], 100, NO_MARGIN, "validation")
