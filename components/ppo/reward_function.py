"""Scores from a Python function of prompt and reply text (needs torch)."""

import importlib
import math
from collections.abc import Callable, Iterable, Sequence
from numbers import Real
from typing import Any

import torch

from components.ppo.batches import MicroBatch, Reply
from components.ppo.judgement import Judgement, judgement_of, rows_of
from components.ppo.reply_text import prompt_text, response_text
from components.shared import modeling
from components.shared.errors import ContractError


class FunctionReward:
    """Calls ``package.module:function`` with ``prompts`` and ``responses``, lists of text of equal length, for one float each.

    A prompt is what the policy read, with the chat template's marks, so that turns can be told apart; a response is what it wrote, without
    special tokens. Each process of a data-parallel run calls it with its own share of the replies.
    """

    normalisation = None

    def __init__(self, path: str, tokenizer: Any) -> None:
        """Import the function.

        Raises:
            ContractError: the path is no such path, or there is nothing to call.
        """
        self._path, self._tokenizer, self._function = path, tokenizer, _load(path)
        self._device = modeling.device()

    def judge(self, replies: Sequence[Reply], batches: Sequence[MicroBatch]) -> Judgement:
        """Score replies.

        Raises:
            ContractError: the function does not return as many finite numbers as it was given replies. What it raises itself goes through.
        """
        rows = rows_of(batches)
        prompts = [prompt_text(self._tokenizer, replies[row].query_ids) for row in rows]
        responses = [response_text(self._tokenizer, replies[row].response_ids) for row in rows]
        scores = self._call(prompts, responses) if rows else []
        return judgement_of(scores, rows, len(replies), self._device)

    def _call(self, prompts: list[str], responses: list[str]) -> list[float]:
        count = len(prompts)
        result = self._function(prompts=prompts, responses=responses)
        if isinstance(result, torch.Tensor):
            result = result.detach().cpu().numpy()
        if isinstance(result, str) or not isinstance(result, Iterable):
            raise self._refused(f"a {type(result).__name__}", count)
        values = list(result)
        if len(values) != count:
            raise self._refused(f"{len(values)} values", count)
        for index, value in enumerate(values):
            if isinstance(value, bool) or not isinstance(value, Real):
                raise self._refused(f"a {type(value).__name__} at place {index}", count)
            if not math.isfinite(value):
                raise self._refused(f"{float(value)} at place {index}", count)
        return [float(value) for value in values]

    def _refused(self, given: str, count: int) -> ContractError:
        return ContractError(f"ppo.reward_function {self._path} returned {given}; for {count} replies {count} finite numbers are wanted")


def _load(path: str) -> Callable[..., Any]:
    module_name, _, name = path.partition(":")
    if not module_name or not name:
        raise ContractError(f"ppo.reward_function {path!r} is no path; give package.module:function")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise ContractError(
            f"ppo.reward_function {path}: {module_name} cannot be imported ({type(error).__name__}); "
            "the image must hold it and what it imports"
        ) from error
    function: Any = getattr(module, name, None)
    if not callable(function):
        raise ContractError(f"ppo.reward_function {path}: {module_name} has no function {name}; check the name")
    return function  # type: ignore[no-any-return]
