"""Classifiers with tokenizers of their own, scored here with transformers alone; and prompts read back from ids."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    LlamaConfig,
    LlamaForSequenceClassification,
    PreTrainedTokenizerFast,
)

from components.ppo.batches import Reply
from components.ppo.config import PpoConfig
from components.ppo.reply_text import PromptReader
from components.ppo.rewards import ClassifierReward, build_reward_source
from components.shared import chat
from components.shared.errors import ContractError
from components.shared.records import Message
from tests.tiny_model import CHAT_TEMPLATE, SENTENCES, build_tokenizer
from tests.unit.ppo.test_rewards import batches_of, replies_of, talk

LLAMA_TEMPLATE = (
    "{%- for message in messages -%}"
    "{%- if message['role'] == 'system' -%}{{ raise_exception('no system role') }}{%- endif -%}"
    "[{{ message['role'] }}] {{ message['content'] }} [eos] "
    "{%- endfor -%}"
)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return build_tokenizer()


@pytest.fixture(scope="module")
def replies(tokenizer: Any) -> list[Reply]:
    return replies_of(tokenizer)


def words(specials: list[str], **named: Any) -> PreTrainedTokenizerFast:
    """A tokenizer of whole words, unlike the policy's of bytes."""
    tokenizer = Tokenizer(models.WordLevel(unk_token=specials[0]))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.train_from_iterator([*SENTENCES, "user assistant Yes And then"], trainers.WordLevelTrainer(special_tokens=specials))
    if "[SEP]" in specials:
        ends = [(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ends
        )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token=specials[0], **named)


def build_bert(directory: Path, *, labels: int = 1, positions: int = 96) -> Path:
    """A cross-encoder: pairs of texts, token types, no chat template."""
    own = words(
        ["[UNK]", "[PAD]", "[CLS]", "[SEP]"],
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )
    own.save_pretrained(str(directory))
    torch.manual_seed(0)
    BertForSequenceClassification(bert_config(len(own), labels, positions)).save_pretrained(str(directory))
    return directory


def bert_config(vocabulary: int, labels: int, positions: int) -> BertConfig:
    return BertConfig(
        vocab_size=vocabulary,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=positions,
        num_labels=labels,
        pad_token_id=1,
        initializer_range=0.3,
    )


def build_llama(directory: Path, *, pad: str | None = "[pad]", pad_in_config: bool = True) -> Path:
    """A decoder with a chat template that has no system role; its template's marks are not the policy's."""
    own = words(["[unk]", "[pad]", "[eos]", "[user]", "[assistant]"], eos_token="[eos]", **({"pad_token": pad} if pad else {}))
    own.chat_template = LLAMA_TEMPLATE
    own.save_pretrained(str(directory))
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(own),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=128,
        num_labels=1,
        pad_token_id=1 if pad_in_config else None,
        bos_token_id=None,
        eos_token_id=2,
        initializer_range=0.3,
    )
    LlamaForSequenceClassification(config).save_pretrained(str(directory))
    return directory


def bert_score(directory: Path, prompt: str, response: str, **limits: Any) -> float:
    own = PreTrainedTokenizerFast.from_pretrained(str(directory))
    model = BertForSequenceClassification.from_pretrained(str(directory)).eval()
    encoding = own(prompt, response, return_tensors="pt", **limits)
    assert set(encoding["token_type_ids"][0].tolist()) == {0, 1}
    with torch.no_grad():
        return float(model(**encoding).logits[0, 0])


def llama_score(directory: Path, messages: list[dict[str, str]]) -> float:
    own = PreTrainedTokenizerFast.from_pretrained(str(directory))
    model = LlamaForSequenceClassification.from_pretrained(str(directory)).eval()
    ids = own(own.apply_chat_template(messages, tokenize=False), add_special_tokens=False, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        return float(model(input_ids=ids).logits[0, 0])


def said(tokenizer: Any, reply: Reply) -> str:
    return str(tokenizer.decode(reply.response_ids)).removesuffix("<|end|>")


def dialogue(*contents: str) -> list[dict[str, str]]:
    return [message.model_dump() for message in talk(*contents)]


def test_a_cross_encoder_reads_prompt_and_reply_as_a_pair(tmp_path: Path, replies: list[Reply], tokenizer: Any) -> None:
    directory = build_bert(tmp_path)
    source = ClassifierReward(str(directory), "main", tokenizer)

    judgement = source.judge(replies, batches_of(replies, [2, 1], [0, 3]))

    prompts = [SENTENCES[0], "\n\n".join(SENTENCES[2:5]), SENTENCES[4], f"{SENTENCES[6]}\n\n{SENTENCES[7]}\n\nAnd then?"]
    expected = [bert_score(directory, prompt, said(tokenizer, reply)) for prompt, reply in zip(prompts, replies, strict=True)]
    assert judgement.scores.tolist() == pytest.approx(expected, abs=1e-5)
    assert len({round(score, 3) for score in expected}) == 4
    assert judgement.members.tolist() == [judgement.scores.tolist()]
    assert judgement.safety is None
    assert source.normalisation is None


@pytest.mark.parametrize("layout", ["pad token", "pad token missing in the config", "pad token equal to eos", "no pad token"])
def test_a_decoder_reads_its_own_chat_template(tmp_path: Path, replies: list[Reply], tokenizer: Any, layout: str) -> None:
    """Scores are those of one sequence at a time, however the model says, or does not say, what it pads with."""
    pad = {"pad token equal to eos": "[eos]", "no pad token": None}.get(layout, "[pad]")
    directory = build_llama(tmp_path, pad=pad, pad_in_config=layout == "pad token")

    scores = ClassifierReward(str(directory), "main", tokenizer).judge(replies, batches_of(replies)).scores

    dialogues = [
        dialogue(SENTENCES[0], said(tokenizer, replies[0])),
        dialogue(*SENTENCES[2:5], said(tokenizer, replies[1])),
        dialogue(SENTENCES[4], said(tokenizer, replies[2])),
        dialogue(SENTENCES[6], SENTENCES[7], "And then?", said(tokenizer, replies[3])),
    ]
    expected = [llama_score(directory, messages) for messages in dialogues]
    assert scores.tolist() == pytest.approx(expected, abs=1e-5)
    assert len({round(score, 3) for score in expected}) == 4


def test_batching_changes_nothing(tmp_path: Path, replies: list[Reply], tokenizer: Any) -> None:
    directory = build_bert(tmp_path)
    few, many = (
        ClassifierReward(str(directory), "main", tokenizer, max_tokens_per_micro_batch=tokens).judge(replies, batches_of(replies)).scores
        for tokens in (16, 8192)
    )

    torch.testing.assert_close(few, many, atol=1e-5, rtol=0)


def test_shares_of_processes_add_up(tmp_path: Path, replies: list[Reply], tokenizer: Any) -> None:
    source = ClassifierReward(str(build_bert(tmp_path)), "main", tokenizer)
    whole = source.judge(replies, batches_of(replies)).scores

    left, right, none = (
        source.judge(replies, batches).scores for batches in (batches_of(replies, [3]), batches_of(replies, [0, 1, 2]), [])
    )

    assert left[:3].tolist() == [0.0] * 3
    torch.testing.assert_close(left + right, whole, atol=1e-5, rtol=0)
    assert none.tolist() == [0.0] * 4


def test_a_system_message_goes_into_the_first_turn_where_the_template_has_no_place_for_it(tmp_path: Path, tokenizer: Any) -> None:
    directory = build_llama(tmp_path)
    messages = [Message(role="system", content="assistant then"), *talk(SENTENCES[0])]
    ids = tokenizer("Yes.<|end|>", add_special_tokens=False)["input_ids"]
    replies = [Reply("q", chat.encode_prompt(tokenizer, messages), ids, False)]

    scores = ClassifierReward(str(directory), "main", tokenizer).judge(replies, batches_of(replies)).scores

    expected = llama_score(directory, dialogue(f"assistant then\n\n{SENTENCES[0]}", "Yes."))
    assert scores.tolist() == pytest.approx([expected], abs=1e-5)
    assert abs(expected - llama_score(directory, dialogue(SENTENCES[0], "Yes."))) > 1e-3


def test_long_conversations_lose_their_oldest_turns_then_are_cut(tmp_path: Path, tokenizer: Any, caplog: pytest.LogCaptureFixture) -> None:
    directory = build_bert(tmp_path, positions=24)
    ids = tokenizer("Yes.<|end|>", add_special_tokens=False)["input_ids"]
    turns = talk(SENTENCES[0], SENTENCES[1], SENTENCES[2])
    endless = talk(" ".join(SENTENCES[:4]))
    replies = [Reply(f"q{i}", chat.encode_prompt(tokenizer, prompt), ids, False) for i, prompt in enumerate([turns, endless])]

    with caplog.at_level("WARNING"):
        scores = ClassifierReward(str(directory), "main", tokenizer).judge(replies, batches_of(replies)).scores

    limits = {"truncation": "longest_first", "max_length": 24}
    expected = [bert_score(directory, SENTENCES[2], "Yes."), bert_score(directory, endless[0].content, "Yes.", **limits)]
    assert scores.tolist() == pytest.approx(expected, abs=1e-5)
    assert caplog.text.count("reads 24 tokens") == 1
    assert not any(sentence in caplog.text for sentence in SENTENCES)


def test_an_empty_reply_has_a_score(tmp_path: Path, tokenizer: Any) -> None:
    directory = build_llama(tmp_path)
    replies = [Reply("q", chat.encode_prompt(tokenizer, talk(SENTENCES[0])), [tokenizer.eos_token_id], False)]

    scores = ClassifierReward(str(directory), "main", tokenizer).judge(replies, batches_of(replies)).scores

    messages = [*dialogue(SENTENCES[0]), {"role": "assistant", "content": ""}]
    assert scores.tolist() == pytest.approx([llama_score(directory, messages)], abs=1e-5)


def test_the_settings_choose_the_classifier(tmp_path: Path, replies: list[Reply], tokenizer: Any) -> None:
    directory = build_bert(tmp_path)
    roles: Any = None  # a classifier needs none

    source = build_reward_source(PpoConfig(reward_classifier=str(directory)), roles, (), tokenizer)

    assert isinstance(source, ClassifierReward)
    expected = ClassifierReward(str(directory), "main", tokenizer).judge(replies, batches_of(replies)).scores
    assert torch.equal(source.judge(replies, batches_of(replies)).scores, expected)


def test_several_outputs_are_refused(tmp_path: Path, tokenizer: Any) -> None:
    with pytest.raises(ContractError, match="has 2 outputs, one is wanted"):
        ClassifierReward(str(build_bert(tmp_path, labels=2)), "main", tokenizer)


def test_an_encoder_that_was_never_a_classifier_is_refused(tmp_path: Path, tokenizer: Any) -> None:
    """transformers would give it a random head and only log that."""
    directory = build_bert(tmp_path)
    BertModel(bert_config(40, 1, 96)).save_pretrained(str(directory))

    with pytest.raises(ContractError, match=r"has no weights for classifier.bias, classifier.weight"):
        ClassifierReward(str(directory), "main", tokenizer)


def test_weights_that_can_run_code_are_refused(tmp_path: Path, tokenizer: Any) -> None:
    directory = build_bert(tmp_path)
    model = BertForSequenceClassification.from_pretrained(str(directory))
    torch.save(model.state_dict(), directory / "pytorch_model.bin")
    (directory / "model.safetensors").unlink()

    with pytest.raises(ContractError, match="cannot be loaded"):
        ClassifierReward(str(directory), "main", tokenizer)


def test_a_missing_classifier_is_refused(tmp_path: Path, tokenizer: Any) -> None:
    with pytest.raises(ContractError, match=r"nowhere \(revision main\) cannot be loaded"):
        ClassifierReward(str(tmp_path / "nowhere"), "main", tokenizer)


def test_scores_that_are_not_finite_are_refused(tmp_path: Path, replies: list[Reply], tokenizer: Any) -> None:
    directory = build_bert(tmp_path)
    model = BertForSequenceClassification.from_pretrained(str(directory))
    torch.nn.init.constant_(model.classifier.bias, float("inf"))
    model.save_pretrained(str(directory))

    with pytest.raises(ContractError, match="not finite"):
        ClassifierReward(str(directory), "main", tokenizer).judge(replies, batches_of(replies))


BY_ITSELF = (  # as Qwen's: a default system message, turns in marks of their own
    "{%- if messages[0]['role'] != 'system' -%}<|system|>\nYou help.<|end|>\n{%- endif -%}" + CHAT_TEMPLATE
)
MERGED = (  # as Mistral's: the system message stands in the first user turn
    "{%- for message in messages -%}"
    "{%- if message['role'] == 'user' -%}<|user|>"
    "{%- if loop.index0 == 1 and messages[0]['role'] == 'system' -%}{{ messages[0]['content'] + '\\n\\n' }}{%- endif -%}"
    "{{ message['content'] }}<|assistant|>"
    "{%- elif message['role'] == 'assistant' -%}{{ message['content'] + '<|end|>' }}{%- endif -%}"
    "{%- endfor -%}"
)
NO_SYSTEM = "{%- if messages[0]['role'] == 'system' -%}{{ raise_exception('no') }}{%- endif -%}" + CHAT_TEMPLATE
TRIMMED = CHAT_TEMPLATE.replace("message['content']", "message['content'] | trim")


class TestPromptReader:
    def read(self, template: str, messages: list[Message]) -> list[tuple[str, str]]:
        tokenizer = build_tokenizer()
        tokenizer.chat_template = template
        turns = PromptReader(tokenizer).turns("q", chat.encode_prompt(tokenizer, messages))
        return [(turn["role"], turn["content"]) for turn in turns]

    @pytest.mark.parametrize("template", [CHAT_TEMPLATE, BY_ITSELF, MERGED, NO_SYSTEM, TRIMMED])
    @pytest.mark.parametrize("count", [1, 3, 5])
    def test_turns_come_back(self, template: str, count: int) -> None:
        messages = talk("Two\n\nparagraphs, ümläuts, 数 and 🙂.", *SENTENCES[1:count])

        assert self.read(template, messages) == [(message.role, message.content) for message in messages]

    @pytest.mark.parametrize("template", [CHAT_TEMPLATE, BY_ITSELF, TRIMMED])
    def test_a_system_message_comes_back(self, template: str) -> None:
        messages = [Message(role="system", content="Be kind.\nBe brief."), *talk(*SENTENCES[:3])]

        assert self.read(template, messages) == [(message.role, message.content) for message in messages]

    def test_a_merged_system_message_stays_in_the_first_turn(self) -> None:
        messages = [Message(role="system", content="Be kind."), *talk(*SENTENCES[:3])]

        turns = self.read(MERGED, messages)

        assert turns == [("user", f"Be kind.\n\n{SENTENCES[0]}"), ("assistant", SENTENCES[1]), ("user", SENTENCES[2])]

    def test_what_is_no_prompt_of_the_template_is_refused_by_id(self) -> None:
        tokenizer = build_tokenizer()
        reader = PromptReader(tokenizer)
        whole = chat.encode_prompt(tokenizer, talk(SENTENCES[0]))
        answered = tokenizer(chat.render(tokenizer, talk(*SENTENCES[:2]), for_reply=True), add_special_tokens=False)["input_ids"]

        for ids, message in ((whole[1:], "begin and end"), (whole[:-1], "begin and end"), (answered, "end with a user's turn")):
            with pytest.raises(ContractError, match=f"prompt person-7 does not .*{message}") as caught:
                reader.turns("person-7", ids)
            assert SENTENCES[0] not in str(caught.value)

    def test_a_template_without_marks_is_refused(self) -> None:
        tokenizer = build_tokenizer()
        tokenizer.chat_template = "{%- for message in messages -%}{{ message['content'] }}{%- endfor -%}"

        with pytest.raises(ContractError, match="writes nothing between two turns"):
            PromptReader(tokenizer)

    def test_a_template_that_drops_turns_is_refused(self) -> None:
        tokenizer = build_tokenizer()
        tokenizer.chat_template = "{{ messages[-1]['content'] }}"

        with pytest.raises(ContractError, match="drops or changes what was said"):
            PromptReader(tokenizer)
