"""Members of an ensemble: what is equal, what differs, and their common scale."""

import pytest
import torch

from components.reward.config import RewardConfig
from components.reward.members import Material, TrainedMember, ensemble_scores, resample, start_member
from components.reward.pairs import EncodedPair, MarginRule, build
from components.reward.scoring import ADAPTER
from components.shared import checkpoints, modeling
from components.shared.lora import LoraSettings
from components.shared.modeling import adapter_state
from components.shared.reward_model import Normalisation
from tests.tiny_model import build_tiny_model, build_tokenizer, preference_pair, reference_of

SETTINGS = RewardConfig(ensemble_size=3, batch_size=4, gradient_accumulation_steps=1, seed=5, learning_rate=0.01)


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    folder = tmp_path_factory.mktemp("members")
    reference = reference_of(build_tiny_model(folder / "model"))
    checkpoints.seed_everything(0)
    model = modeling.new_adapter(modeling.load_base(reference), "sft", LoraSettings(r=4, alpha=8, dropout=0.1))
    modeling.save_adapter(model, "sft", folder / "sft")
    rows = build(build_tokenizer(), [preference_pair(index) for index in range(12)], 200, MarginRule((), 1.0), "train").rows
    return Material(reference, folder / "sft", rows, rows[:4])


def test_members_start_from_the_sft_adapter_with_another_head_and_order(material: Material) -> None:
    first = start_member(None, material, SETTINGS, 0)
    start, head, order = adapter_state(first.model, ADAPTER), first.head.linear.weight.clone(), first._rows_of_step()
    first._optimize(order)  # the first learning rate of the warm-up is 0
    first._optimize(order)
    moved = adapter_state(first.model, ADAPTER)
    assert any(not torch.equal(moved[key], start[key]) for key in start)

    second = start_member(first.model, material, SETTINGS, 1)

    assert second.model is first.model
    again = adapter_state(second.model, ADAPTER)
    assert all(torch.equal(again[key], start[key]) for key in start)
    assert not torch.equal(second.head.linear.weight, head)
    assert second._rows_of_step() != order
    assert all(parameter.grad is None for parameter in second.model.parameters())


def test_a_member_starts_the_same_whatever_was_before_it(material: Material) -> None:
    """A resumed stage restores the members before from their last state; this must not reach the next one."""
    model = start_member(None, material, SETTINGS, 0).model
    first = start_member(model, material, SETTINGS, 2)
    head, rows = first.head.linear.weight.clone(), first._train
    torch.rand(7)
    second = start_member(model, material, SETTINGS, 2)

    assert torch.equal(second.head.linear.weight, head)
    assert second._train == rows


def test_the_first_member_reads_every_pair_the_others_a_resample(material: Material) -> None:
    model = start_member(None, material, SETTINGS, 0)
    others = [start_member(model.model, material, SETTINGS, index)._train for index in (1, 2)]

    assert model._train == material.train
    assert others[0] != others[1]
    for rows in others:
        assert len(rows) == len(material.train)
        assert all(row in material.train for row in rows)


def test_a_resample_leaves_a_good_third_out() -> None:
    rows = [EncodedPair([index], [index], 1, 1, 0.0) for index in range(2000)]

    drawn = {row.chosen_ids[0] for row in resample(rows, 1)}

    assert len(drawn) / len(rows) == pytest.approx(0.632, abs=0.03)  # 1 - 1/e
    assert resample(rows, 1) == resample(rows, 1) != resample(rows, 2)


def test_ensemble_scores_by_hand() -> None:
    def member(scores: list[float], normalisation: Normalisation) -> TrainedMember:
        return TrainedMember(normalisation, scores, None, [], 1.0, 0.5, 1, 1, 1, [])

    scores = ensemble_scores([member([1.0, 2.0], Normalisation(0.5, 2.0)), member([10.0, 30.0], Normalisation(20.0, 5.0))])

    assert scores.tolist() == [[1.0, 2.0], [-3.5, 4.5]]
    assert scores.mean(0).tolist() == [-1.25, 3.25]
    assert scores.std(0, correction=0).tolist() == [2.25, 1.25]
