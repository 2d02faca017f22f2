"""The built-in base model as a user of transformers meets it, and the writer of its plain prose."""

import json
import math
import re
from collections import Counter
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM, AutoTokenizer

import components.builtin.tiny as tiny
from components.builtin.samples import __file__ as samples_init
from components.builtin.tiny import corpus, pretrain
from components.builtin.tiny.corpus import write_chat
from components.builtin.tiny.pretrain import bits_per_byte, sha256
from components.builtin.tiny.prose import Writer, contract, load_rules
from components.builtin.tiny.public_text import detokenize_wikitext

FOLDER = Path(tiny.__file__).parent
GENERAL_TEXT = Path(samples_init).parent / "general_text.jsonl"
DIALOGUE = [
    {"role": "system", "content": "Answer briefly."},
    {"role": "user", "content": "I cannot sleep."},
    {"role": "assistant", "content": "That sounds tiring. Since when?"},
    {"role": "user", "content": "  Since May, naïvely <3 🙂  "},
    {"role": "assistant", "content": "Thank you for telling me."},
]


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(FOLDER)


@pytest.fixture(scope="module")
def model():
    return AutoModelForCausalLM.from_pretrained(FOLDER).eval()


def test_weights_are_small_half_precision_and_the_recorded_ones():
    weights = FOLDER / "model.safetensors"
    assert weights.stat().st_size <= 10_000_000
    with safe_open(weights, framework="pt") as tensors:
        assert {tensors.get_slice(name).get_dtype() for name in tensors.keys()} == {"F16"}  # noqa: SIM118 (no mapping)
    record = json.loads((FOLDER / "training_record.json").read_text())
    for name, digest in record["sha256"].items():
        assert sha256(FOLDER / name) == digest, f"{name} is not the one that training_record.json describes"


def test_model_loads_in_float32_with_tied_embeddings(model):
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert model.get_input_embeddings().weight.data_ptr() == model.get_output_embeddings().weight.data_ptr()
    assert model.num_parameters() <= 4_900_000
    assert model.config.model_type == "llama"


def test_special_tokens_agree_between_tokenizer_model_and_generation(tokenizer, model):
    assert tokenizer.pad_token_id != tokenizer.eos_token_id
    assert tokenizer.eos_token == "<|end|>"
    for config in (model.config, model.generation_config):
        assert (config.bos_token_id, config.eos_token_id, config.pad_token_id) == (
            tokenizer.bos_token_id,
            tokenizer.eos_token_id,
            tokenizer.pad_token_id,
        )
    assert len(tokenizer) == model.config.vocab_size == 4096
    assert tokenizer.model_max_length == model.config.max_position_embeddings == 1024


def test_assistant_mask_covers_exactly_the_replies_and_their_end_token(tokenizer):
    encoded = tokenizer.apply_chat_template(DIALOGUE, return_dict=True, return_assistant_tokens_mask=True)
    marked = [token for token, mask in zip(encoded["input_ids"], encoded["assistant_masks"], strict=True) if mask]
    assert tokenizer.decode(marked) == "That sounds tiring. Since when?<|end|>Thank you for telling me.<|end|>"


def test_chat_text_is_one_token_per_mark_and_trims_the_turns(tokenizer):
    text = tokenizer.apply_chat_template(DIALOGUE[:2] + DIALOGUE[2:4], tokenize=False, add_generation_prompt=True)
    assert text == (
        "<|bos|><|system|>Answer briefly.<|end|><|user|>I cannot sleep.<|end|><|assistant|>That sounds tiring. Since when?<|end|>"
        "<|user|>Since May, naïvely <3 🙂<|end|><|assistant|>"
    )
    assert tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"]) == text


@pytest.mark.parametrize("start", [0, 1])
def test_generation_prompt_is_a_prefix_of_the_dialogue(tokenizer, start):
    dialogue = DIALOGUE[start:]
    whole = tokenizer.apply_chat_template(dialogue, return_dict=True)["input_ids"]
    for end in (len(dialogue) - 1, len(dialogue) - 3):
        prompt = tokenizer.apply_chat_template(dialogue[:end], add_generation_prompt=True, return_dict=True)["input_ids"]
        assert whole[: len(prompt)] == prompt


@pytest.mark.parametrize("role", ["tool", "system"])
def test_template_refuses_other_roles_and_late_system_messages(tokenizer, role):
    with pytest.raises(Exception, match=f"role {role} is not known here"):
        tokenizer.apply_chat_template([*DIALOGUE[:2], {"role": role, "content": "x"}])


def test_every_byte_survives_the_tokenizer(tokenizer):
    text = "".join(map(chr, range(32, 0x250))) + "漢字 Ж 👩‍👩‍👧\n\t 12345"
    assert tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"]) == text
    assert tokenizer.tokenize("2024") == ["2", "0", "2", "4"]


def test_model_answers_with_words_and_stops(tokenizer, model):
    prompts = [[{"role": "user", "content": text}] for text in ("I cannot sleep.", "How do I get to the station?")]
    inputs = tokenizer.apply_chat_template(
        prompts, add_generation_prompt=True, return_dict=True, return_tensors="pt", padding=True, padding_side="left"
    )
    output = model.generate(**inputs, max_new_tokens=80, do_sample=False, temperature=None, top_p=None, top_k=None)
    for row in output[:, inputs["input_ids"].shape[1] :]:
        assert tokenizer.eos_token_id in row
        assert len(re.findall(r"\b[a-z]{2,}\b", tokenizer.decode(row, skip_special_tokens=True))) >= 3


def test_general_text_is_predicted_far_better_than_by_byte_counts(tokenizer, model):
    """Uniform bytes cost 8 bits; the bytes' own frequencies, counted on the very same text, are a floor for any unigram model."""
    texts = [json.loads(line)["text"] for line in GENERAL_TEXT.read_text(encoding="utf-8").splitlines()][:40]
    data = "".join(texts).encode()
    unigram = -sum(n / len(data) * math.log2(n / len(data)) for n in Counter(data).values())
    ids = [tokenizer(f"{tokenizer.bos_token}{text}", add_special_tokens=False)["input_ids"] for text in texts]
    measured = bits_per_byte(model, ids, len(data))
    assert 4.0 < unigram < 4.6
    assert measured < 0.6 * unigram
    shuffled = [row[:1] + row[1:][::-1] for row in ids]
    assert bits_per_byte(model, shuffled, len(data)) > 1.5 * measured, "word order does not matter to this model"


def test_grammar_is_whole_deterministic_and_varied():
    rules = load_rules()
    texts = [Writer(rules, seed=5).write("prose") for _ in range(2)]
    assert texts[0] == texts[1]
    writer = Writer(rules, seed=6)
    written = [writer.write("prose") for _ in range(400)]
    assert not [text for text in written if re.search(r"[{}|]|\b_\w", text)]
    assert len(set(written)) > 390
    reachable = {name for alternatives in rules.values() for text in alternatives for name in re.findall(r"[{|=]([\w.]+)}", text)}
    unused = {name for name in rules if name not in reachable and "." not in name}
    assert unused - {"prose", "chat"} - set(rules["topic"]) - set(rules["plain"]) == set()
    for _ in range(200):
        roles = [message["role"] for message in write_chat(writer)]
        assert roles[-1] == "assistant"
        assert roles[roles[0] == "system" :: 2] == ["user"] * (len(roles) // 2)


def test_every_topic_has_every_slot():
    rules = load_rules()
    slots = {"event", "now", "hard", "thought", "wish", "help", "step", "reflect", "ask", "fact", "short", "title"}
    assert {f"{topic}.{slot}" for topic in rules["topic"] for slot in slots} <= set(rules)


@pytest.mark.parametrize(
    ("person", "expected"),
    [("I", "I cry because of my work."), ("she", "She cries because of her work.")],
)
def test_one_sentence_in_several_persons(person, expected):
    names = {"name.he": ["Ali", "Bo"], "name.she": ["Cleo", "Dana"]}
    writer = Writer({"a": [f"{{{person}|b}}"], "b": ["{S} cr{y} because of {P} work."], **names}, seed=1)
    assert writer.write("a") == expected


def test_contractions_stay_away_from_the_end_of_a_sentence():
    assert contract("I do not know how it is. It is late, I am tired.") == "I don't know how it is. It's late, I'm tired."


def test_wikitext_spacing_is_undone_and_unknown_words_are_cut():
    raw = ' = Title = \n A well @-@ known man , born in 1 @,@ 900 , said " yes " . The <unk> was here . It was his ( own ) . '
    assert detokenize_wikitext(raw.split("\n")[1]) == 'A well-known man, born in 1,900, said "yes". It was his (own).'


@pytest.fixture
def public_sets(tmp_path):
    """A folder laid out like the public sets, with a few invented rows."""
    answer = {"role": "assistant", "content": "Try to rest.Then talk to a friend about it."}
    question = {"role": "user", "content": "I am tired. What can I do?"}
    rows = {
        "counsel-chat/conversations.jsonl": {"messages": [question, answer]},
        "counsel-chat/preferences.jsonl": {"prompt": [question], "chosen": [answer], "rejected": [{"role": "assistant", "content": "No."}]},
        "wikitext-2/text.jsonl": {"text": " \n = Bread = \n \n " + "Bread is a food made of flour and water . " * 8 + "\n"},
    }
    for name, row in rows.items():
        path = tmp_path / "sets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    return tmp_path / "sets"


def test_the_same_command_gives_the_same_weights(public_sets, tmp_path, monkeypatch):
    monkeypatch.setattr(corpus, "NUM_WRITTEN", {"written-prose": 40, "written-chat": 10})
    monkeypatch.setattr(pretrain, "TOKENS_PER_STEP", 1024)
    threads = torch.get_num_threads()
    options = ["--data", str(public_sets), "--steps", "2", "--threads", "1", "--precision", "fp32"]
    try:
        for name in ("first", "second"):
            pretrain.main([*options, "--output", str(tmp_path / name)])
        pretrain.main([*options, "--seed", "21", "--output", str(tmp_path / "other")])
    finally:
        torch.use_deterministic_algorithms(False)
        torch.set_num_threads(threads)
    first, second, other = (json.loads((tmp_path / name / "training_record.json").read_text()) for name in ("first", "second", "other"))
    assert first["sha256"] == second["sha256"]
    assert first["sha256"] != other["sha256"]
    assert first["corpus"]["counsel-chat"]["num_documents"] == 1  # two distinct answers, the first of each source is held out
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "first")
    assert tokenizer.chat_template == AutoTokenizer.from_pretrained(FOLDER).chat_template


def test_missing_data_says_what_is_wanted(tmp_path):
    with pytest.raises(FileNotFoundError, match="wants a folder that holds counsel-chat/conversations"):
        corpus.build_corpus(tmp_path, seed=1)


def test_committed_weights_come_from_our_text_as_it_is_now():
    """Whoever changes the grammar or the general text makes the model again, or takes the change back."""
    record = json.loads((FOLDER / "training_record.json").read_text())
    own = corpus.Corpus()
    for documents in corpus.own_documents(record["options"]["seed"]):
        own.add(documents)
    summary = own.summary()
    assert set(summary) == {"general-text", "written-chat", "written-prose"}
    assert summary == {source: record["corpus"][source] for source in summary}
