"""The tokenizer of the built-in base model: byte-level BPE with four role tokens and a chat template."""

from collections.abc import Iterable
from typing import Final

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

VOCAB_SIZE: Final = 4096
MAX_LENGTH: Final = 1024
PAD, BOS, END = "<|pad|>", "<|bos|>", "<|end|>"
SYSTEM, USER, ASSISTANT = "<|system|>", "<|user|>", "<|assistant|>"
SPECIAL_TOKENS: Final = [PAD, BOS, END, SYSTEM, USER, ASSISTANT]

# One special token opens a turn and one closes it, with nothing in between: the prompt with `add_generation_prompt`
# is then a token prefix of the whole dialogue whatever the texts are, because BPE never merges across special tokens.
CHAT_TEMPLATE: Final = """\
{{- bos_token -}}
{%- for message in messages -%}
{%- if message['role'] == 'assistant' -%}
{{- '<|assistant|>' -}}
{%- generation -%}
{{- message['content'] | trim -}}{{- eos_token -}}
{%- endgeneration -%}
{%- elif message['role'] == 'user' or (message['role'] == 'system' and loop.first) -%}
{{- '<|' + message['role'] + '|>' + message['content'] | trim + eos_token -}}
{%- else -%}
{{- raise_exception('role ' + message['role'] + ' is not known here: give user and assistant turns after at most one system message') -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- '<|assistant|>' -}}
{%- endif -%}
"""


def train_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """Learn the merges from `texts` and wrap them with the special tokens and the chat template.

    Digits stay single, so that numbers cost the same wherever they stand. Every byte is in the alphabet: nothing is
    ever unknown.
    """
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE,
        special_tokens=SPECIAL_TOKENS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        pad_token=PAD,
        bos_token=BOS,
        eos_token=END,
        additional_special_tokens=[SYSTEM, USER, ASSISTANT],
        model_max_length=MAX_LENGTH,
        clean_up_tokenization_spaces=False,
        chat_template=CHAT_TEMPLATE,
        padding_side="right",
    )
