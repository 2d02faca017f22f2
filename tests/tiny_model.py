"""A random two-layer Llama with its own byte-level BPE tokenizer, made in a second: what the unit tests and golden runs train on."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from components.shared.base_model import BaseModelReference, directory_digest
from components.shared.records import Conversation, Message, PreferencePair

SPECIAL_TOKENS = ["<pad>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"]
CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{{ '<|' + message['role'] + '|>\\n' }}"
    "{%- if message['role'] == 'assistant' -%}"
    "{% generation %}{{ message['content'] + '<|end|>' }}{% endgeneration %}{{ '\\n' }}"
    "{%- else -%}"
    "{{ message['content'] + '<|end|>\\n' }}"
    "{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|assistant|>\\n' }}{%- endif -%}"
)
SENTENCES = [
    "I cannot sleep before the exam and my heart is racing.",
    "That sounds exhausting. What goes through your mind at night?",
    "My grandmother died in March and the house is so quiet.",
    "I am sorry for your loss. Would you like to tell me about her?",
    "We argue every evening about money, and then nobody speaks.",
    "It makes sense that you feel worn out. What would a calm evening look like?",
    "My boss shouted at me in front of everyone today.",
    "That must have hurt. Did anyone stand by you?",
]


def build_tiny_model(directory: Path, *, hidden: int = 32, layers: int = 2, vocab: int = 384, seed: int = 0) -> Path:
    """Write a random Llama and a byte-level BPE tokenizer with a chat template to a directory and return it.

    Args:
        directory: where; made if missing.
        hidden: width of the residual stream, a multiple of 8.
        layers: number of blocks.
        vocab: most tokens that the tokenizer may learn; at least 261 (bytes and specials).
        seed: of the weights.
    """
    tokenizer = build_tokenizer(vocab)
    tokenizer.save_pretrained(str(directory))
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        initializer_range=0.1,
    )
    state = torch.get_rng_state()
    torch.manual_seed(seed)
    LlamaForCausalLM(config).save_pretrained(str(directory))
    torch.set_rng_state(state)
    return directory


def build_tokenizer(vocab: int = 384) -> PreTrainedTokenizerFast:
    """Train the tokenizer: every byte is a token, so any text can be encoded; pad is not eos."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab, special_tokens=SPECIAL_TOKENS, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|end|>", pad_token="<pad>", extra_special_tokens=SPECIAL_TOKENS[1:4]
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast


def reference_of(directory: Path) -> BaseModelReference:
    """Return the reference that preflight would publish for a model directory."""
    return BaseModelReference(uri=f"file://{directory}", revision="local", digest=directory_digest(directory))


def base_model_parameter(directory: Path) -> str:
    """Return the reference of a model directory as a stage receives it."""
    return reference_of(directory).model_dump_json()


def conversation(index: int, exchanges: int = 2) -> Conversation:
    """Return a made-up dialogue; ``index`` varies its sentences."""
    messages = []
    for turn in range(exchanges):
        said = 2 * ((index + turn) % 4)
        messages += [Message(role="user", content=SENTENCES[said]), Message(role="assistant", content=SENTENCES[said + 1])]
    return Conversation(id=f"c{index}", person_id=f"p{index % 7}", messages=messages)


def preference_pair(index: int) -> PreferencePair:
    """Return a pair whose chosen reply asks back and whose rejected one brushes off; ``index`` varies the sentences."""
    said = 2 * (index % 4)
    dismissals = ["Get over it.", "Everyone has problems, stop complaining now.", "Not my business.", "You should just try harder."]
    gap = index % 3
    return PreferencePair(
        id=f"q{index}",
        person_id=f"p{index % 7}",
        prompt=[Message(role="user", content=SENTENCES[said])],
        chosen=[Message(role="assistant", content=SENTENCES[said + 1])],
        rejected=[Message(role="assistant", content=dismissals[(index // 4) % 4])],
        meta={"ratings": {"chosen": {"empathy": 3 + gap % 2}, "rejected": {"empathy": 2 - gap // 2}}},
    )
