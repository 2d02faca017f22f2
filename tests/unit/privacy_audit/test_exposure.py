"""Candidates scored together equal candidates scored one by one; ranks and medians by hand."""

from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

from components.privacy_audit.exposure import candidate_losses, candidate_space, exposure, median_bounds, single_limit
from components.shared import chat, modeling
from components.shared.canaries import Canary
from components.shared.errors import ContractError
from components.shared.records import Message
from tests.tiny_model import build_tiny_model, reference_of


@pytest.fixture(scope="module")
def model_and_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    reference = reference_of(build_tiny_model(tmp_path_factory.mktemp("model")))
    return modeling.load_base(reference), modeling.load_tokenizer(reference)


def canary(**changes: Any) -> Canary:
    facts: dict[str, Any] = {
        "id": "c", "kind": "therapist", "prompt": [Message(role="user", content="Who is it?")], "lead": "It is ",
        "slots": [["the ", "sleep ", "Доктор "], ["money", "xq, room "], ["7", "1", "night?"]], "choice": [1, 0, 2], "repetitions": 1,
    }  # fmt: skip
    return Canary(**{**facts, **changes})


@pytest.mark.parametrize("batch_tokens", [8192, 16])
def test_losses_equal_those_of_single_passes(model_and_tokenizer: tuple[Any, Any], batch_tokens: int) -> None:
    model, tokenizer = model_and_tokenizer
    planted = canary()
    space = candidate_space(tokenizer, planted, 1024)
    losses = candidate_losses(model, space, batch_tokens)
    assert len(losses) == 18
    opening = chat.render(tokenizer, planted.prompt, for_reply=True) + planted.lead
    for candidate, loss in zip(planted.candidates(), losses, strict=True):
        ids = tokenizer(opening + candidate, add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            log_probabilities = model(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)
        start = len(space.prefix)
        assert loss == pytest.approx(-sum(float(log_probabilities[i - 1, ids[i]]) for i in range(start, len(ids))), abs=1e-3)
    assert planted.candidates()[space.number] == planted.secret == "sleep moneynight?"


def test_a_canary_that_does_not_fit_is_refused(model_and_tokenizer: tuple[Any, Any]) -> None:
    with pytest.raises(ContractError, match="c has more tokens than the 20"):
        candidate_space(model_and_tokenizer[1], canary(), 20)


def test_exposure_by_hand() -> None:
    losses = numpy.arange(4096, dtype=float)
    assert exposure(losses, 0) == 12.0  # the likeliest of 4096
    assert exposure(losses, 1) == 11.0
    assert exposure(losses, 2047) == 1.0
    assert exposure(losses, 4095) == 0.0


def test_bounds_of_a_median_by_hand() -> None:
    # Of six values all lie above the median with 1/64 = 1.6 %: the least is a bound; the second least is one with 11 % only.
    assert median_bounds([6.0, 1.0, 2.0, 5.0, 3.0, 4.0]) == (1.0, 6.0)
    # Of nine, at most one lies below with 10/512 = 2.0 %, at most two with 46/512 = 9.0 %.
    assert median_bounds([float(value) for value in range(9)]) == (1.0, 7.0)


def test_the_limit_of_the_largest_grows_with_their_number() -> None:
    assert single_limit(8.0, 3) == 8.0
    assert single_limit(8.0, 102) == pytest.approx(10.99, abs=0.01)  # 102 / 0.05 = 2040


def test_tokenizers_whose_words_do_not_stand_alone_are_read_whole(model_and_tokenizer: tuple[Any, Any], tmp_path: Path) -> None:
    _, tokenizer = model_and_tokenizer

    class Prefixing:
        """Marks the beginning of every text, as sentencepiece models do."""

        apply_chat_template = staticmethod(tokenizer.apply_chat_template)

        def __call__(self, text: Any, **options: Any) -> Any:
            texts = [f"_{each}" for each in text] if isinstance(text, list) else f"_{text}"
            return tokenizer(texts, **options)

    space = candidate_space(Prefixing(), canary(), 1024)
    opening = chat.render(tokenizer, canary().prompt, for_reply=True) + canary().lead
    whole = tokenizer("_" + opening + canary().candidates()[5], add_special_tokens=False)["input_ids"]
    assert [*space.prefix, *space.tails[5]] == whole
