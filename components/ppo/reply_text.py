"""From the policy's token ids back to what was said, for reward models that read text (needs a tokenizer, not torch).

PPO keeps queries as ids: they are what the policy read. A prompt is read back with the chat template's own marks, which are learned once
from conversations of made-up words: what stands before the first turn, between two turns, and after the last. So the turns are those that
the policy saw, whatever the template looks like; a system message that a template writes into the first user turn stays part of that turn,
and one that a template adds by itself belongs to the template, not to the conversation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jinja2

from components.shared import chat
from components.shared.errors import ContractError
from components.shared.records import Message, Role

Turn = dict[str, str]
"""``role`` and ``content``, as chat templates take them. Unlike a ``Message`` it may be empty: a policy can end its reply at once."""

_WORDS = {"system": "zqsystem", "first": "zqfirst", "reply": "zqreply", "second": "zqsecond"}


@dataclass(frozen=True)
class _Marks:
    """What a chat template writes around turns, as the tokenizer decodes it; ``opening_system`` is None where it refuses the role."""

    opening: str
    opening_system: str | None
    after_system: str
    after_user: str
    after_assistant: str
    end: str


class PromptReader:
    """Reads the turns of a prompt from its token ids."""

    def __init__(self, tokenizer: Any) -> None:
        """Learn the template's marks.

        Raises:
            ContractError: it writes nothing between two turns, or drops or changes what was said.
        """
        self._tokenizer = tokenizer
        dialogue = [_message("user", "first"), _message("assistant", "reply"), _message("user", "second")]
        between = self._split(dialogue)
        try:
            with_system = self._split([_message("system", "system"), *dialogue])
        except jinja2.TemplateError:
            with_system = None
        self._marks = _Marks(
            opening=between[0],
            opening_system=None if with_system is None else with_system[0],
            after_system="" if with_system is None else with_system[1],
            after_user=between[1],
            after_assistant=between[2],
            end=between[3],
        )
        merged = self._marks.opening_system == self._marks.opening
        if not (self._marks.after_user and self._marks.after_assistant and (merged or with_system is None or self._marks.after_system)):
            raise ContractError(f"the model's chat template writes nothing between two turns, so prompts cannot be read back; {_REMEDY}")

    def turns(self, prompt_id: str, query_ids: Sequence[int]) -> list[Turn]:
        """Return the turns of a prompt, the user's last.

        Args:
            prompt_id: named in errors.
            query_ids: the prompt up to where the reply begins.

        Raises:
            ContractError: the ids are no conversation of this template.
        """
        text = prompt_text(self._tokenizer, query_ids)
        marks, turns = self._marks, []
        opening = max(
            (mark for mark in (marks.opening, marks.opening_system) if mark is not None and text.startswith(mark)), key=len, default=None
        )
        if opening is None or not text.endswith(marks.end):
            raise ContractError(f"prompt {prompt_id} does not begin and end as the model's chat template does; {_REMEDY}")
        rest = text[len(opening) : len(text) - len(marks.end)]
        if opening != marks.opening:
            content, _, rest = rest.partition(marks.after_system)
            turns.append(Turn(role="system", content=content))
        role = "user"
        while True:
            content, mark, rest = rest.partition(marks.after_user if role == "user" else marks.after_assistant)
            turns.append(Turn(role=role, content=content))
            if not mark:
                break
            role = "assistant" if role == "user" else "user"
        if role != "user":
            raise ContractError(f"prompt {prompt_id} does not end with a user's turn; {_REMEDY}")
        return turns

    def _split(self, messages: Sequence[Message]) -> list[str]:
        """Render made-up turns as a prompt, tokenize and decode them, and return what stands around them."""
        rest, parts = prompt_text(self._tokenizer, chat.encode_prompt(self._tokenizer, messages)), []
        for message in messages:
            part, found, rest = rest.partition(message.content)
            if not found:
                raise ContractError(f"the model's chat template or tokenizer drops or changes what was said; {_REMEDY}")
            parts.append(part)
        return [*parts, rest]


_REMEDY = "give the model a plain chat template (chat_template.jinja beside the tokenizer), or score with the reward model"


def prompt_text(tokenizer: Any, query_ids: Sequence[int]) -> str:
    """Return a prompt as the policy read it, with the chat template's marks."""
    return str(tokenizer.decode(list(query_ids), skip_special_tokens=False, clean_up_tokenization_spaces=False))


def response_text(tokenizer: Any, response_ids: Sequence[int]) -> str:
    """Return a reply without its end-of-turn token and without any other special token; it may be empty."""
    return str(tokenizer.decode(list(response_ids), skip_special_tokens=True, clean_up_tokenization_spaces=False))


def _message(role: Role, word: str) -> Message:
    return Message(role=role, content=_WORDS[word])
