"""Scores from a sequence classifier with one output, its own tokenizer and its own weights (needs torch, transformers).

The classifier reads the conversation as its own chat template writes it. Without a template it reads a pair of texts, prompt and reply, as
cross-encoders do; the turns of the prompt then stand in paragraphs of their own.
"""

import logging
from collections.abc import Sequence
from typing import Any

import jinja2
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

from components.ppo.batches import MicroBatch, Reply, plan_micro_batches
from components.ppo.judgement import Judgement, judgement_of, rows_of
from components.ppo.reply_text import PromptReader, Turn, response_text
from components.shared import modeling
from components.shared.errors import ContractError

_logger = logging.getLogger(__name__)


class ClassifierReward:
    """Any ``AutoModelForSequenceClassification`` with one output; frozen, bf16 on an accelerator, fp32 on a CPU."""

    normalisation = None

    def __init__(self, location: str, revision: str, tokenizer: Any, *, max_tokens_per_micro_batch: int = 8192) -> None:
        """Load the classifier.

        Args:
            location: Hub id or directory.
            revision: branch, tag or commit; means nothing for a directory.
            tokenizer: the policy's, with which replies are decoded.
            max_tokens_per_micro_batch: padded tokens in one forward pass.

        Raises:
            ContractError: there is no such classifier, it has another number of outputs, or weights of it are missing.
        """
        self._location, self._policy_tokenizer, self._max_tokens = location, tokenizer, max_tokens_per_micro_batch
        self._prompts = PromptReader(tokenizer)
        self._model, self._tokenizer = _load(location, revision)
        config = self._model.config.get_text_config()
        self._pad_id = _pad_id(config, self._tokenizer)
        config.pad_token_id = self._pad_id
        positions = getattr(config, "max_position_embeddings", None) or self._tokenizer.model_max_length
        # RoBERTa counts two positions more than it can use; its tokenizer knows better.
        self._max_length = min(positions, self._tokenizer.model_max_length)
        self._has_token_types = getattr(config, "type_vocab_size", 0) > 1
        self._takes_system = self._tokenizer.chat_template is None or _takes_system(self._tokenizer)
        self._said_cut = False

    @torch.no_grad()
    def judge(self, replies: Sequence[Reply], batches: Sequence[MicroBatch]) -> Judgement:
        """Score replies.

        Raises:
            ContractError: a prompt is no conversation of the policy's chat template, or a score is not finite.
        """
        rows = rows_of(batches)
        encoded = [self._encode(replies[row]) for row in rows]
        lengths = [len(encoding["input_ids"]) for encoding in encoded]
        groups = plan_micro_batches(lengths, range(len(rows)), self._max_tokens if self._pad_id is not None else 0)
        scores = [0.0] * len(rows)
        for group in groups:
            logits = self._model(**self._padded([encoded[index] for index in group])).logits
            for index, score in zip(group, logits[:, 0].float().tolist(), strict=True):
                scores[index] = score
        judgement = judgement_of(scores, rows, len(replies), self._model.device)
        if not judgement.scores.isfinite().all():
            raise ContractError(f"ppo.reward_classifier {self._location} gives scores that are not finite; use another one")
        return judgement

    def _encode(self, reply: Reply) -> dict[str, list[int]]:
        """Tokenize a conversation with its reply; the oldest exchanges go until it fits, then what is still too long is cut."""
        turns = self._prompts.turns(reply.prompt_id, reply.query_ids)
        response = response_text(self._policy_tokenizer, reply.response_ids)
        encoding = self._tokenized(turns, response)
        while len(encoding["input_ids"]) > self._max_length:
            if not self._said_cut:
                _logger.warning("ppo.reward_classifier reads %d tokens; longer conversations lose their oldest turns", self._max_length)
                self._said_cut = True
            system = [turn for turn in turns[:1] if turn["role"] == "system"]
            if len(turns) - len(system) < 3:  # the last user turn is all there is
                return self._tokenized(turns, response, cut=True)
            turns = [*system, *turns[len(system) + 2 :]]
            encoding = self._tokenized(turns, response)
        return encoding

    def _tokenized(self, turns: Sequence[Turn], response: str, *, cut: bool = False) -> dict[str, list[int]]:
        if self._tokenizer.chat_template is None:
            prompt = "\n\n".join(turn["content"] for turn in turns)
            limits = {"truncation": "longest_first", "max_length": self._max_length} if cut else {}
            encoding = self._tokenizer(prompt, response, **limits)
        else:
            given = turns if self._takes_system else _without_system(turns)
            messages = [*given, Turn(role="assistant", content=response)]
            text = self._tokenizer.apply_chat_template(messages, tokenize=False)
            encoding = self._tokenizer(text, add_special_tokens=False)
        names = ("input_ids", "token_type_ids") if self._has_token_types and "token_type_ids" in encoding else ("input_ids",)
        return {name: list(encoding[name])[-self._max_length :] if cut else list(encoding[name]) for name in names}

    def _padded(self, encoded: Sequence[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
        """Pad on the right, attention masks from lengths."""
        width = max(len(encoding["input_ids"]) for encoding in encoded)
        fills = {"input_ids": self._pad_id or 0, "token_type_ids": 0}
        rows = {name: [encoding[name] + [fills[name]] * (width - len(encoding[name])) for encoding in encoded] for name in encoded[0]}
        lengths = [len(encoding["input_ids"]) for encoding in encoded]
        rows["attention_mask"] = [[1] * length + [0] * (width - length) for length in lengths]
        return {name: torch.tensor(values, device=self._model.device) for name, values in rows.items()}


def _load(location: str, revision: str) -> tuple[Any, Any]:
    source = {"revision": revision, "trust_remote_code": False}
    where = modeling.device()
    try:
        outputs = AutoConfig.from_pretrained(location, **source).num_labels
        if outputs != 1:
            raise ContractError(
                f"ppo.reward_classifier {location} has {outputs} outputs, one is wanted: which of them would be the score? "
                "Give a classifier that was trained as a reward model (num_labels 1)"
            )
        tokenizer = AutoTokenizer.from_pretrained(location, **source)
        model, report = AutoModelForSequenceClassification.from_pretrained(
            location,
            **source,
            use_safetensors=True,
            dtype=torch.bfloat16 if where.type == "cuda" else torch.float32,
            output_loading_info=True,
        )
    except OSError as error:
        raise ContractError(
            f"ppo.reward_classifier {location} (revision {revision}) cannot be loaded; give a Hub id or a directory with config.json, a "
            "tokenizer and *.safetensors (other weight formats can run code and are refused)"
        ) from error
    missing = sorted(report["missing_keys"])
    if missing:  # transformers would fill them with random numbers
        raise ContractError(
            f"ppo.reward_classifier {location} has no weights for {', '.join(missing[:3])}: it was not trained as a classifier; "
            "give one that was"
        )
    return model.to(where).eval().requires_grad_(False), tokenizer


def _pad_id(config: Any, tokenizer: Any) -> int | None:
    """Return what to pad with; None: sequences are read one at a time.

    Decoder classifiers take the score at the last token that is no pad. A model without a pad token takes it at the very last one, which a
    pad token that is also the end of a turn would move.
    """
    if config.pad_token_id is not None:
        return int(config.pad_token_id)
    if tokenizer.pad_token_id is not None and tokenizer.pad_token_id != tokenizer.eos_token_id:
        return int(tokenizer.pad_token_id)
    return None


def _takes_system(tokenizer: Any) -> bool:
    turns = [Turn(role=role, content="word") for role in ("system", "user", "assistant")]
    try:
        tokenizer.apply_chat_template(turns, tokenize=False)
    except jinja2.TemplateError:  # how templates refuse a role
        return False
    return True


def _without_system(turns: Sequence[Turn]) -> list[Turn]:
    """Put a system message before the first user turn, into it."""
    if turns[0]["role"] != "system":
        return list(turns)
    return [Turn(role="user", content=f"{turns[0]['content']}\n\n{turns[1]['content']}"), *turns[2:]]
