"""Data parallelism: real gloo processes, every exchange, and gradients of a divided batch against those of the joined one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from components.ppo.batches import Reply
from components.ppo.parallel import Parallel, close, from_environment
from components.shared.errors import ContractError, Interrupted
from tests.ranks import run_ranks

SIZE = 3
BATCH = 7
VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "PET_NNODES", "PET_NPROC_PER_NODE")


def reply(row: int) -> Reply:
    return Reply(f"q{row}", [row, 5], list(range(row + 1)), row % 2 == 0)


class Critic(torch.nn.Module):
    """Three parameters: one that every row uses, one that row 0 alone uses, one that none uses."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(4)
        self.common = torch.nn.Parameter(torch.randn(5, 2, generator=generator))
        self.rare = torch.nn.Parameter(torch.randn(2, generator=generator))
        self.unused = torch.nn.Parameter(torch.randn(3, generator=generator))

    def loss(self, rows: list[int], num_tokens: float) -> torch.Tensor:
        """Sum of squared errors over the rows' tokens, divided by the given count; row ``i`` has ``i + 1`` tokens."""
        total = torch.zeros(())
        for row in rows:
            features = torch.randn(row + 1, 5, generator=torch.Generator().manual_seed(row))
            states = features @ self.common
            total = total + (states + (self.rare if row == 0 else 0)).square().sum()
        return total / num_tokens


def gradients(parallel: Parallel, rows: list[int]) -> dict[str, torch.Tensor | None]:
    """Return the gradients of the mean over all tokens of ``rows``, each rank having computed its part."""
    model = Critic()
    part = parallel.part(rows)
    if part:
        model.loss(part, float(sum(row + 1 for row in rows))).backward()
    parallel.sum_gradients(list(model.parameters()))
    return {name: parameter.grad for name, parameter in model.named_parameters()}


def stopped(parallel: Parallel, who: int | None) -> bool | int:
    """Work on every rank, broken off on one of them; True where the work ended as a stop, else what it gave."""

    def work() -> int:
        if parallel.rank == who:
            raise Interrupted
        return 10 + parallel.rank

    try:
        return parallel.stop_together(work)
    except Interrupted:
        return True


def one_rank(folder: Path) -> None:
    """Run by each process: use every method and write what it gave."""
    parallel = from_environment()
    rows = parallel.rows(BATCH)
    whole, counts, empty = torch.full((2, 3), float(parallel.rank + 1)), torch.tensor([parallel.rank, 1]), torch.zeros(0)
    bits = torch.tensor([2.0**-30 * parallel.rank], dtype=torch.float64)
    transposed = torch.arange(6.0).view(2, 3).T
    parallel.sum_(whole, counts, empty, bits, transposed)
    results: dict[str, Any] = {
        "place": (parallel.rank, parallel.size, parallel.is_main),
        "rows": rows,
        "parts": [parallel.part([4, 2, 6, 0, 1]), parallel.part([9, 8]), parallel.part([])],
        "gathered": [vars(item) for item in parallel.gather([reply(row) for row in rows], BATCH)],
        "few": parallel.gather([f"only {row}" for row in parallel.rows(2)], 2),
        "sums": (whole, counts, empty, bits, transposed),
        "gradients": gradients(parallel, list(range(BATCH))),
        "gradients of two rows": gradients(parallel, [0, 3]),
        "agreed": [parallel.agreed(flag) for flag in (False, parallel.rank == 2, True)],
    }
    model = Critic()
    with torch.no_grad():
        model.common.add_(parallel.rank)
    column = torch.arange(6.0).view(2, 3)[:, 1:] + parallel.rank
    parallel.from_main_(*model.parameters(), column)
    results["from main"] = (model.common.detach(), column)
    results["stopped"] = [stopped(parallel, who) for who in (None, 1)]
    close(parallel)
    torch.save(results, folder / f"rank{results['place'][0]}.pt")


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What each of three processes got."""
    folder = tmp_path_factory.mktemp("ranks")
    run_ranks(one_rank, SIZE, folder)
    return [torch.load(folder / f"rank{rank}.pt", weights_only=True) for rank in range(SIZE)]


def test_each_process_knows_its_place(ranks: list[dict[str, Any]]) -> None:
    assert [rank["place"] for rank in ranks] == [(0, 3, True), (1, 3, False), (2, 3, False)]


def test_rows_are_divided_without_overlap(ranks: list[dict[str, Any]]) -> None:
    assert [rank["rows"] for rank in ranks] == [[0, 3, 6], [1, 4], [2, 5]]


def test_a_mini_batch_is_divided_in_order_and_a_share_may_be_empty(ranks: list[dict[str, Any]]) -> None:
    assert [rank["parts"] for rank in ranks] == [[[4, 0], [9], []], [[2, 1], [8], []], [[6], [], []]]


def test_every_rank_gets_all_items_in_order(ranks: list[dict[str, Any]]) -> None:
    for rank in ranks:
        assert rank["gathered"] == [vars(reply(row)) for row in range(BATCH)]
        assert rank["few"] == ["only 0", "only 1"]


def test_sums_keep_shape_and_type(ranks: list[dict[str, Any]]) -> None:
    for rank in ranks:
        whole, counts, empty, bits, transposed = rank["sums"]
        assert torch.equal(whole, torch.full((2, 3), 6.0))
        assert torch.equal(counts, torch.tensor([3, 3]))
        assert empty.shape == (0,)
        assert bits.dtype == torch.float64
        assert bits.item() == 3 * 2.0**-30
        assert torch.equal(transposed, 3 * torch.arange(6.0).view(2, 3).T)


def test_ranks_start_from_what_the_first_has(ranks: list[dict[str, Any]]) -> None:
    for rank in ranks:
        assert torch.equal(rank["from main"][0], Critic().common)
        assert torch.equal(rank["from main"][1], torch.tensor([[1.0, 2.0], [4.0, 5.0]]))


@pytest.mark.parametrize(("name", "rows"), [("gradients", list(range(BATCH))), ("gradients of two rows", [0, 3])])
def test_the_sum_of_the_parts_is_the_gradient_of_the_joined_batch(ranks: list[dict[str, Any]], name: str, rows: list[int]) -> None:
    expected = gradients(Parallel(), rows)
    assert expected["common"] is not None
    for rank in ranks:
        for key in ("common", "rare"):
            torch.testing.assert_close(rank[name][key], expected[key], rtol=1e-6, atol=1e-6)
        assert rank[name]["unused"] is None, "no rank has a gradient, so none appears: AdamW must not decay it"
        for key in ("common", "rare"):
            assert torch.equal(rank[name][key], ranks[0][name][key]), "ranks must agree bit for bit, or their weights drift apart"


def test_a_stop_asked_of_one_is_a_stop_of_all(ranks: list[dict[str, Any]]) -> None:
    assert [rank["agreed"] for rank in ranks] == [[False, True, True]] * SIZE


def test_work_broken_off_on_one_rank_is_broken_off_on_all(ranks: list[dict[str, Any]]) -> None:
    assert [rank["stopped"] for rank in ranks] == [[10, True], [11, True], [12, True]]


def test_one_process_changes_nothing(clean: Callable[..., None]) -> None:
    clean()
    parallel = from_environment()
    assert parallel == Parallel()
    assert parallel.is_main
    assert parallel.rows(4) == [0, 1, 2, 3]
    assert parallel.part([3, 1]) == [3, 1]
    items = [reply(row) for row in range(4)]
    assert parallel.gather(items, 4) == items
    tensor = torch.tensor([1.5])
    parallel.sum_(tensor)
    assert tensor.item() == 1.5
    assert parallel.agreed(True)
    assert not parallel.agreed(False)
    assert stopped(parallel, None) == 10
    assert stopped(parallel, 0) is True
    close(parallel)
    assert not torch.distributed.is_initialized()


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Set exactly the given of torchrun's and Kubeflow Trainer's variables."""

    def set_exactly(**variables: str) -> None:
        for name in VARIABLES:
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_exactly


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"WORLD_SIZE": "2"}, "WORLD_SIZE is set but RANK is not"),
        ({"RANK": "0"}, "RANK is set but WORLD_SIZE is not"),
        ({"RANK": "x", "WORLD_SIZE": "2"}, "RANK is 'x'"),
        ({"RANK": "2", "WORLD_SIZE": "2"}, "RANK 2 of WORLD_SIZE 2"),
        ({"PET_NNODES": "1", "PET_NPROC_PER_NODE": "4"}, "ask for 4 processes, but RANK is not set"),
        (
            {"PET_NNODES": "2", "PET_NPROC_PER_NODE": "4", "RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "2"},
            "ask for 8 processes, but WORLD_SIZE is 2",
        ),
    ],
)
def test_a_start_that_is_no_torchrun_is_refused(clean: Callable[..., None], variables: dict[str, str], message: str) -> None:
    clean(**variables)
    with pytest.raises(ContractError, match=message):
        from_environment()


def test_more_processes_than_gpus_are_refused(clean: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    clean(RANK="1", WORLD_SIZE="2", LOCAL_RANK="1", LOCAL_WORLD_SIZE="2")
    with pytest.raises(ContractError, match="2 processes on this node but 1 GPUs are visible"):
        from_environment()
