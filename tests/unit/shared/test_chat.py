"""Masks and windows against what a reader sees in the text, and against the tokenizer's own mask where a template has markers."""

from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from components.shared import chat
from components.shared.errors import ContractError
from components.shared.records import Message
from tests.tiny_model import CHAT_TEMPLATE, SENTENCES, SPECIAL_TOKENS, build_tokenizer, conversation

UNMARKED = CHAT_TEMPLATE.replace("{% generation %}", "").replace("{% endgeneration %}", "")


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return build_tokenizer()


def dialogue(*contents: str, system: str | None = None) -> list[Message]:
    messages = [Message(role="system", content=system)] if system else []
    return messages + [Message(role="user" if index % 2 == 0 else "assistant", content=text) for index, text in enumerate(contents)]


def spoken(tokenizer: Any, encoded: chat.Encoded) -> str:
    """The text that the mask covers."""
    return str(tokenizer.decode([token for token, kept in zip(encoded.input_ids, encoded.assistant_mask, strict=True) if kept]))


AWKWARD = {
    "plain": ("I cannot sleep.", "Since when?"),
    "non-ascii": ("Мне грустно, 我睡不着 …", "¿Qué pasó? 🙂👩‍👩‍👧 É difícil."),
    "leading spaces": ("hi", "   three spaces, then  two  and a tab\there"),
    "trailing spaces": ("hi", "ends in spaces   "),
    "newlines": ("a\n\nb", "\nfirst line\n\n  second\n"),
    "reply repeats the prompt": ("Since when?", "Since when?"),
    "reply holds the header's words": ("assistant", "user assistant <user> |assistant|"),
    "one character": ("?", "."),
    "combining": ("e\u0301", "e\u0301\u0301 \u200d \ufeffx"),
}


@pytest.mark.parametrize("name", AWKWARD)
def test_the_mask_covers_the_reply_and_its_end_and_nothing_else(tokenizer: Any, name: str) -> None:
    encoded = chat.encode(tokenizer, dialogue(*AWKWARD[name]))

    assert spoken(tokenizer, encoded) == AWKWARD[name][1] + "<|end|>"
    assert tokenizer.decode(encoded.input_ids) == chat.render(tokenizer, dialogue(*AWKWARD[name]))


@pytest.mark.parametrize("name", AWKWARD)
def test_offsets_that_leave_spaces_out_give_the_same_mask(tokenizer: Any, name: str) -> None:
    trimming = build_tokenizer()
    trimming.backend_tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)

    assert chat.encode(trimming, dialogue(*AWKWARD[name])) == chat.encode(tokenizer, dialogue(*AWKWARD[name]))


@pytest.mark.parametrize("exchanges", [1, 2, 5])
@pytest.mark.parametrize("system", [None, "You listen."])
def test_the_mask_equals_the_tokenizers_own(tokenizer: Any, exchanges: int, system: str | None) -> None:
    messages = dialogue(*(message.content for message in conversation(3, exchanges).messages), system=system)
    own = tokenizer.apply_chat_template([message.model_dump() for message in messages], return_dict=True, return_assistant_tokens_mask=True)

    encoded = chat.encode(tokenizer, messages)

    assert encoded.input_ids == own["input_ids"]
    assert encoded.assistant_mask == own["assistant_masks"]
    assert sum(encoded.assistant_mask) > 0


def test_a_template_without_markers_gives_the_same_mask(tokenizer: Any) -> None:
    unmarked = build_tokenizer()
    unmarked.chat_template = UNMARKED
    messages = conversation(1, 3).messages

    assert chat.encode(unmarked, messages) == chat.encode(tokenizer, messages)


def test_an_end_of_turn_token_that_is_not_eos_is_found() -> None:
    tokenizer = build_tokenizer()
    tokenizer.eos_token = "<|system|>"

    encoded = chat.encode(tokenizer, dialogue("hi", "Hello.", "sad", "Why?"))

    assert chat.end_of_turn_ids(tokenizer) == {tokenizer.convert_tokens_to_ids("<|end|>"), tokenizer.convert_tokens_to_ids("<|system|>")}
    assert spoken(tokenizer, encoded) == "Hello.<|end|>Why?<|end|>"


def word_tokenizer(template: str) -> Any:
    """Whole words as tokens, SentencePiece style, so that tokens straddle the boundary after a header that ends in a space."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        ["A: Hello there"] * 9,
        trainers.BpeTrainer(vocab_size=400, special_tokens=SPECIAL_TOKENS, initial_alphabet=alphabet, show_progress=False),
    )
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|end|>", pad_token="<pad>")
    fast.chat_template = template
    return fast


PLAIN_TEMPLATE = (
    "{% for m in messages %}{{ 'U: ' if m.role == 'user' else 'A: ' }}{{ m.content }}{{ '<|end|>' if m.role == 'assistant' else '\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ 'A: ' }}{% endif %}"
)


def test_a_token_that_straddles_header_and_reply_counts() -> None:
    tokenizer = word_tokenizer(PLAIN_TEMPLATE)

    encoded = chat.encode(tokenizer, dialogue("hey", "Hello there", "hm", "Hello"))

    assert "ĠHello" in tokenizer.convert_ids_to_tokens(encoded.input_ids)
    assert spoken(tokenizer, encoded) == " Hello there<|end|> Hello<|end|>"


def test_a_template_that_rewrites_earlier_turns_is_refused(tokenizer: Any) -> None:
    rewriting = build_tokenizer()
    rewriting.chat_template = "{{ messages | length }}" + UNMARKED

    with pytest.raises(ContractError, match="rewrites earlier turns"):
        chat.encode(rewriting, dialogue("a", "b", "c", "d"))


def test_a_template_without_end_of_turn_token_is_refused() -> None:
    endless = build_tokenizer()
    endless.chat_template = UNMARKED.replace("<|end|>", "")

    with pytest.raises(ContractError, match="would never stop"):
        chat.encode(endless, dialogue("a", "b"))


def test_a_template_that_ends_only_the_last_reply_is_refused() -> None:
    partial = build_tokenizer()
    partial.chat_template = (
        "{% for m in messages %}{{ m.role + ':' + m.content }}{{ '<|end|>' if m.role == 'assistant' and loop.last else '\\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ 'assistant:' }}{% endif %}"
    )

    with pytest.raises(ContractError, match="only some of them"):
        chat.encode(partial, dialogue("a", "b", "c", "d"))


def test_a_conversation_that_begins_with_the_assistant_is_refused_and_its_windows_leave_the_opener_out(tokenizer: Any) -> None:
    opener = [Message(role="assistant", content="Welcome."), *dialogue("I am sad.", "Why?")]

    with pytest.raises(ContractError, match="begins with the assistant"):
        chat.encode(tokenizer, opener)
    assert chat.windows(tokenizer, opener, 200) == [chat.encode(tokenizer, dialogue("I am sad.", "Why?"))]


def test_prompt_and_reply_join_to_the_whole(tokenizer: Any) -> None:
    messages = dialogue("I am sad.", "Why?", "My cat died.", "I am sorry.", system="You listen.")

    prompt, reply = chat.encode_reply(tokenizer, messages[:-1], messages[-1])

    whole = chat.encode(tokenizer, messages).input_ids
    assert prompt == chat.encode_prompt(tokenizer, messages[:-1])
    assert prompt + reply == whole[:-1]  # the template's last newline is nobody's
    assert tokenizer.decode(reply) == "I am sorry.<|end|>"


@pytest.mark.parametrize("max_length", [60, 90, 130, 250])
@pytest.mark.parametrize("system", [None, "You listen."])
def test_windows_hold_each_reply_once_and_begin_with_a_user(tokenizer: Any, max_length: int, system: str | None) -> None:
    replies = [f"Reply number {index}. " + SENTENCES[index % 8][: 5 * (index % 4)] for index in range(9)]
    said = [text for index, reply in enumerate(replies) for text in (SENTENCES[index % 8][:20], reply)]
    messages = dialogue(*said, system=system)

    result = chat.windows(tokenizer, messages, max_length)

    assert "".join(spoken(tokenizer, window) for window in result) == "".join(reply + "<|end|>" for reply in replies)
    start = "<|system|>\nYou listen.<|end|>\n<|user|>" if system else "<|user|>"
    assert all(tokenizer.decode(window.input_ids).startswith(start) for window in result)
    assert all(len(window) <= max_length for window in result)
    assert len(result) > 1 or max_length == 250


def test_windows_are_filled(tokenizer: Any) -> None:
    messages = conversation(0, 12).messages
    lengths = [len(window) for window in chat.windows(tokenizer, messages, 200)]
    exchange = max(len(window) for window in chat.windows(tokenizer, messages, 60))

    assert all(length + exchange > 200 for length in lengths[:-1])


def test_an_exchange_longer_than_a_window_is_cut_at_its_end(tokenizer: Any) -> None:
    messages = dialogue("hi", "word " * 100, "short", "Yes.")

    long, short = chat.windows(tokenizer, messages, 40)

    assert len(long) == 40
    assert long.input_ids == chat.encode(tokenizer, messages[:2]).input_ids[:40]
    assert spoken(tokenizer, short) == "Yes.<|end|>"


def test_a_reply_behind_a_user_turn_that_fills_the_window_gives_no_window(tokenizer: Any) -> None:
    assert chat.windows(tokenizer, dialogue("word " * 100, "Yes."), 30) == []


def test_a_last_user_turn_is_not_carried_along(tokenizer: Any) -> None:
    assert chat.windows(tokenizer, dialogue("a", "b", "bye"), 100) == chat.windows(tokenizer, dialogue("a", "b"), 100)


@pytest.mark.parametrize("budget", range(20, 160, 7))
def test_recent_turns_keep_as_many_turns_as_fit(tokenizer: Any, budget: int) -> None:
    messages = dialogue("I am sad.", "Why?", "My cat died.", "I am sorry.", "Thank you.", "Of course.", "What now?", system="You listen.")
    starts = [1, 3, 5, 7]
    fitting = [[messages[0], *messages[start:]] for start in starts]
    expected = next((turns for turns in fitting if len(chat.encode_prompt(tokenizer, turns)) <= budget), [])

    assert chat.recent_turns(tokenizer, messages, budget) == expected
