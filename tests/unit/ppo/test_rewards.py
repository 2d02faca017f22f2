"""Reward sources: heads on the shared base, classifiers of their own, functions - each against scores computed without it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch

from components.ppo.batches import MicroBatch, Reply, collate
from components.ppo.config import PpoConfig
from components.ppo.rewards import FunctionReward, HeadReward, build_reward_source, penalised_mean
from components.ppo.roles import Roles, load_roles
from components.shared import chat
from components.shared.errors import ContractError
from components.shared.lora import LoraSettings
from components.shared.modeling import adapter_parameters, load_base, new_adapter, save_adapter, use_adapter
from components.shared.records import Message
from components.shared.reward_model import (
    Normalisation,
    RewardMember,
    ScalarHead,
    member_directory,
    save_reward_model,
    sequence_scores,
)
from tests.tiny_model import SENTENCES, build_tiny_model, build_tokenizer, reference_of

CPU = torch.device("cpu")


def talk(*contents: str) -> list[Message]:
    """A conversation that begins with the user."""
    return [
        Message.model_validate({"role": ("user", "assistant")[index % 2], "content": content}) for index, content in enumerate(contents)
    ]


def replies_of(tokenizer: Any) -> list[Reply]:
    """Replies of different lengths to prompts of one and three turns; the last is truncated."""
    prompts = [talk(SENTENCES[0]), talk(*SENTENCES[2:5]), talk(SENTENCES[4]), talk(SENTENCES[6], SENTENCES[7], "And then?")]
    said = [SENTENCES[1], "Yes.", SENTENCES[5], SENTENCES[3]]
    ids = [tokenizer(text + "<|end|>", add_special_tokens=False)["input_ids"] for text in said]
    ids[3] = ids[3][:-3]
    return [
        Reply(f"q{index}", chat.encode_prompt(tokenizer, prompt), response, index == 3)
        for index, (prompt, response) in enumerate(zip(prompts, ids, strict=True))
    ]


def batches_of(replies: Sequence[Reply], *groups: Sequence[int], **padding: int) -> list[MicroBatch]:
    return [collate(replies, group, CPU, **padding) for group in groups or [range(len(replies))]]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return build_tokenizer()


@pytest.fixture(scope="module")
def replies(tokenizer: Any) -> list[Reply]:
    return replies_of(tokenizer)


@pytest.fixture(scope="module")
def roles(tmp_path_factory: pytest.TempPathFactory) -> Roles:
    """Roles with an ensemble of two that have safety heads."""
    folder = tmp_path_factory.mktemp("roles")
    reference = reference_of(build_tiny_model(folder / "base"))
    torch.manual_seed(4)
    model = new_adapter(load_base(reference), "sft", LoraSettings(r=4, alpha=8))
    save_adapter(model, "sft", folder / "sft")
    for index, normalisation in enumerate([Normalisation(0.5, 2.0), Normalisation(-0.2, 0.7)]):
        with torch.no_grad():
            for _, parameter in adapter_parameters(model, "sft"):
                parameter.normal_(std=0.1)
        heads = ScalarHead(32), ScalarHead(32)
        save_reward_model(model, "sft", heads[0], normalisation, member_directory(folder / "reward", index), heads[1])
    return load_roles(reference, folder / "sft", folder / "reward")


class TestHeads:
    def own_scores(self, roles: Roles, member: RewardMember, head: ScalarHead, replies: Sequence[Reply]) -> torch.Tensor:
        """Scores as the reward stage computes them, one sequence at a time."""
        use_adapter(roles.model, member.adapter)
        sequences = [torch.tensor([[*reply.query_ids, *reply.response_ids]]) for reply in replies]
        with torch.no_grad():
            return torch.cat([sequence_scores(roles.model, head, ids, torch.tensor([ids.shape[1]])) for ids in sequences])

    def test_one_member_scores_as_the_reward_stage_does(self, roles: Roles, replies: list[Reply]) -> None:
        member = roles.members[0]
        source = HeadReward(roles, [member], 0.0)

        judgement = source.judge(replies, batches_of(replies))

        expected = self.own_scores(roles, member, member.head, replies)
        assert float(expected.std()) > 0.05
        torch.testing.assert_close(judgement.scores, expected, atol=1e-5, rtol=0)
        assert torch.equal(judgement.members, judgement.scores[None, :])
        assert source.normalisation == Normalisation(0.5, 2.0)
        assert not judgement.scores.requires_grad

    def test_an_ensemble_is_its_penalised_mean_on_the_first_scale(self, roles: Roles, replies: list[Reply]) -> None:
        judgement = HeadReward(roles, roles.members, 0.5).judge(replies, batches_of(replies))

        first, second = (self.own_scores(roles, member, member.head, replies) for member in roles.members)
        second = 0.5 + 2.0 * (second + 0.2) / 0.7
        assert float((first - second).abs().mean()) > 0.1
        torch.testing.assert_close(judgement.members, torch.stack([first, second]), atol=1e-5, rtol=1e-5)
        # of two numbers the variance is a quarter of the squared difference; the penalty is per standard deviation, which is 2
        expected = (first + second) / 2 - 0.5 / 2.0 * (first - second) ** 2 / 4
        torch.testing.assert_close(judgement.scores, expected, atol=1e-5, rtol=1e-5)

    def test_safety_is_the_mean_over_members_in_rating_points(self, roles: Roles, replies: list[Reply]) -> None:
        judgement = HeadReward(roles, roles.members, 0.5).judge(replies, batches_of(replies))

        heads = [member.safety_head for member in roles.members]
        first, second = (
            self.own_scores(roles, member, head, replies) for member, head in zip(roles.members, heads, strict=True) if head is not None
        )
        assert judgement.safety is not None
        torch.testing.assert_close(judgement.safety, (first + second) / 2, atol=1e-5, rtol=0)

    def test_members_without_safety_heads_say_nothing_of_it(self, roles: Roles, replies: list[Reply]) -> None:
        members = [replace(member, safety_head=None) for member in roles.members]

        assert HeadReward(roles, members, 0.0).judge(replies, batches_of(replies)).safety is None

    def test_batching_and_padding_change_nothing(self, roles: Roles, replies: list[Reply]) -> None:
        source = HeadReward(roles, roles.members, 0.5)
        whole = source.judge(replies, batches_of(replies))

        parts = source.judge(replies, batches_of(replies, [3, 1], [0], [2], pad_id=7, extra_padding=5))

        torch.testing.assert_close(parts.scores, whole.scores, atol=1e-5, rtol=0)
        torch.testing.assert_close(parts.members, whole.members, atol=1e-5, rtol=0)
        torch.testing.assert_close(parts.safety, whole.safety, atol=1e-5, rtol=0)

    def test_shares_of_processes_add_up(self, roles: Roles, replies: list[Reply]) -> None:
        source = HeadReward(roles, roles.members, 0.5)
        whole = source.judge(replies, batches_of(replies, [0, 2], [1, 3]))

        left, right = (source.judge(replies, batches_of(replies, rows)) for rows in ([0, 2], [1, 3]))
        none = source.judge(replies, [])

        assert left.scores[[1, 3]].tolist() == [0.0, 0.0]
        torch.testing.assert_close(left.scores + right.scores, whole.scores)
        torch.testing.assert_close(left.members + right.members, whole.members)
        assert none.scores.tolist() == [0.0] * 4

    def test_a_sum_over_processes_made_in_place_counts_once(self, roles: Roles, replies: list[Reply]) -> None:
        judgement = HeadReward(roles, roles.members[:1], 0.0).judge(replies, batches_of(replies))
        before = judgement.members.clone()

        judgement.scores.add_(1.0)

        assert torch.equal(judgement.members, before)

    def test_the_settings_choose_the_heads(self, roles: Roles, replies: list[Reply], tokenizer: Any) -> None:
        source = build_reward_source(PpoConfig(uncertainty_penalty=0.5, safety_threshold=3.0), roles, roles.members, tokenizer)

        assert isinstance(source, HeadReward)
        expected = HeadReward(roles, roles.members, 0.5).judge(replies, batches_of(replies))
        assert torch.equal(source.judge(replies, batches_of(replies)).scores, expected.scores)

    def test_a_threshold_without_a_safety_head_is_refused(self, roles: Roles, tokenizer: Any) -> None:
        members = [replace(member, safety_head=None) for member in roles.members]

        with pytest.raises(ContractError, match="no safety head; train reward with safety_head=true"):
            build_reward_source(PpoConfig(safety_threshold=3.0), roles, members, tokenizer)

    def test_a_penalty_without_an_ensemble_is_refused(self, roles: Roles, tokenizer: Any) -> None:
        with pytest.raises(ContractError, match=r"uncertainty_penalty is 0.5, but one reward model .* ensemble_size of 2"):
            build_reward_source(PpoConfig(uncertainty_penalty=0.5), roles, roles.members[:1], tokenizer)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"safety_threshold": 3.0}, "safety_threshold wants safety ratings, but ppo.reward_function"),
            ({"uncertainty_penalty": 0.1}, "uncertainty_penalty wants an ensemble, but ppo.reward_function"),
            ({"reward_normalization": "reward_model"}, "reward_normalization is reward_model, but ppo.reward_function scores"),
        ],
    )
    def test_what_a_function_cannot_give_is_refused(self, roles: Roles, tokenizer: Any, changes: dict[str, Any], message: str) -> None:
        with pytest.raises(ContractError, match=message):
            build_reward_source(PpoConfig(reward_function="tests.unit.ppo.test_rewards:lengths", **changes), roles, (), tokenizer)

    def test_the_settings_choose_the_function(self, roles: Roles, tokenizer: Any) -> None:
        source = build_reward_source(PpoConfig(reward_function="tests.unit.ppo.test_rewards:lengths"), roles, (), tokenizer)

        assert isinstance(source, FunctionReward)
        assert source.normalisation is None


def test_the_penalised_mean_by_hand() -> None:
    members = torch.tensor([[1.0, 2.0], [3.0, 2.0], [5.0, 2.0]])

    # first column: mean 3, variance (4 + 0 + 4) / 3
    assert penalised_mean(members, 0.0).tolist() == [3.0, 2.0]
    assert penalised_mean(members, 0.75).tolist() == pytest.approx([3.0 - 0.75 * 8 / 3, 2.0])
    assert penalised_mean(members[:1], 0.75).tolist() == [1.0, 2.0]


calls: list[tuple[list[str], list[str]]] = []


def lengths(prompts: list[str], responses: list[str]) -> list[float]:
    """A reward function: characters of the reply, a whole number where an int will do."""
    calls.append((prompts, responses))
    return [len(response) for response in responses]


def as_tensor(prompts: list[str], responses: list[str]) -> torch.Tensor:
    return torch.tensor([len(response) / 2 for response in responses])


def one_missing(prompts: list[str], responses: list[str]) -> list[float]:
    return [0.0] * (len(prompts) - 1)


def not_finite(prompts: list[str], responses: list[str]) -> list[float]:
    return [0.0, float("nan"), *[0.0] * (len(prompts) - 2)]


def texts(prompts: list[str], responses: list[str]) -> list[str]:
    return responses


def a_text(prompts: list[str], responses: list[str]) -> str:
    return responses[0][: len(prompts)]


def nothing(prompts: list[str], responses: list[str]) -> None:
    return None


def truths(prompts: list[str], responses: list[str]) -> list[bool]:
    return [True for _ in prompts]


def a_table(prompts: list[str], responses: list[str]) -> torch.Tensor:
    return torch.zeros(len(prompts), 1)


NO_FUNCTION = 3


class TestFunction:
    def of(self, name: str, tokenizer: Any) -> FunctionReward:
        return FunctionReward(f"{__name__}:{name}", tokenizer)

    def test_it_gets_what_the_policy_read_and_wrote(self, replies: list[Reply], tokenizer: Any) -> None:
        calls.clear()

        judgement = self.of("lengths", tokenizer).judge(replies, batches_of(replies, [2, 0], [1, 3]))

        ((prompts, responses),) = calls
        assert responses == [SENTENCES[5], SENTENCES[1], "Yes.", tokenizer.decode(replies[3].response_ids)]
        assert prompts[1] == f"<|user|>\n{SENTENCES[0]}<|end|>\n<|assistant|>\n"
        # back in the order of the replies
        assert judgement.scores.tolist() == [len(SENTENCES[1]), 4, len(SENTENCES[5]), len(responses[3])]
        assert judgement.members.shape == (1, 4)
        assert judgement.safety is None

    def test_a_share_is_judged_alone_and_an_empty_one_not_at_all(self, replies: list[Reply], tokenizer: Any) -> None:
        source = self.of("lengths", tokenizer)
        calls.clear()

        assert source.judge(replies, batches_of(replies, [1])).scores.tolist() == [0, 4, 0, 0]
        assert source.judge(replies, []).scores.tolist() == [0, 0, 0, 0]
        assert [len(prompts) for prompts, _ in calls] == [1]

    def test_a_sum_over_processes_made_in_place_counts_once(self, replies: list[Reply], tokenizer: Any) -> None:
        judgement = self.of("lengths", tokenizer).judge(replies, batches_of(replies))
        before = judgement.members.clone()

        judgement.scores.add_(1.0)

        assert torch.equal(judgement.members, before)

    def test_tensors_are_numbers_too(self, replies: list[Reply], tokenizer: Any) -> None:
        judgement = self.of("as_tensor", tokenizer).judge(replies, batches_of(replies))

        assert judgement.scores[1].item() == 2.0

    @pytest.mark.parametrize(
        ("name", "given"),
        [
            ("one_missing", "3 values"),
            ("not_finite", "nan at place 1"),
            ("texts", "a str at place 0"),
            ("a_text", "a str"),
            ("nothing", "a NoneType"),
            ("truths", "a bool at place 0"),
            ("a_table", "a ndarray at place 0"),
        ],
    )
    def test_anything_else_is_refused_without_quoting_it(self, replies: list[Reply], tokenizer: Any, name: str, given: str) -> None:
        with pytest.raises(ContractError, match=f"{name} returned {given}; for 4 replies 4 finite numbers are wanted") as caught:
            self.of(name, tokenizer).judge(replies, batches_of(replies))

        assert not any(sentence in str(caught.value) for sentence in SENTENCES)

    @pytest.mark.parametrize(
        ("path", "message"),
        [
            ("lengths", "is no path; give package.module:function"),
            (":lengths", "is no path"),
            ("tests.nowhere:lengths", "tests.nowhere cannot be imported .ModuleNotFoundError."),
            (f"{__name__}:widths", "has no function widths"),
            (f"{__name__}:NO_FUNCTION", "has no function NO_FUNCTION"),
        ],
    )
    def test_a_wrong_path_is_refused(self, tokenizer: Any, path: str, message: str) -> None:
        with pytest.raises(ContractError, match=message):
            FunctionReward(path, tokenizer)
