"""A NER model that the user names: real spaCy and transformers models that the test builds. Everybody here is invented."""

from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import BertConfig, BertForTokenClassification, PreTrainedTokenizerFast

from components.anonymize.named_model import ModelDetector, type_of
from components.shared.errors import ContractError

WORDS = ["[PAD]", "[UNK]", "i", "met", "zarvane", "olbek", "in", "town"]


@pytest.fixture(scope="module")
def spacy_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spacy = pytest.importorskip("spacy")
    pipeline = spacy.blank("en")
    ruler = pipeline.add_pipe("entity_ruler")
    ruler.add_patterns(
        [{"label": "PERSON", "pattern": "Zarvane"}, {"label": "GPE", "pattern": "Olbek"}, {"label": "WORK_OF_ART", "pattern": "town"}]
    )
    path = tmp_path_factory.mktemp("spacy")
    pipeline.to_disk(path)
    return path


@pytest.fixture(scope="module")
def transformers_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A one-layer BERT trained until it tags two words, with a tokenizer of eight."""
    torch.manual_seed(0)
    tokenizer = Tokenizer(WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    labels = {0: "O", 1: "B-PER", 2: "B-LOC"}
    config = BertConfig(
        vocab_size=8,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        id2label=labels,
        hidden_dropout_prob=0.0,
    )
    model = BertForTokenClassification(config)
    ids, wanted = torch.tensor([[2, 3, 4, 6, 5, 7]]), torch.tensor([[0, 0, 1, 0, 2, 0]])
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(200):
        optimizer.zero_grad()
        model(input_ids=ids, labels=wanted).loss.backward()
        optimizer.step()
    path = tmp_path_factory.mktemp("transformers")
    model.save_pretrained(path)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]").save_pretrained(path)
    return path


def test_spacy(spacy_model: Path) -> None:
    found = ModelDetector(f"spacy:{spacy_model}").find(["I met Zar\u200bvane.", "", "In Olbek, a town"])
    assert [[(span.start, span.end, span.type) for span in spans] for spans in found] == [[(6, 14, "PERSON")], [], [(3, 8, "LOCATION")]]


def test_transformers(transformers_model: Path) -> None:
    found = ModelDetector(f"transformers:{transformers_model}").find(["i met zarvane in olbek town", "town"])
    assert [[(span.start, span.end, span.type) for span in spans] for spans in found] == [[(6, 13, "PERSON"), (17, 22, "LOCATION")], []]


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("en_core_web_lg", "give spacy:NAME or transformers:NAME"),
        ("spacy:", "give spacy:NAME or transformers:NAME"),
        ("spacy:/no/such/model", "cannot be loaded"),
        ("transformers:/no/such/model", "cannot be loaded"),
    ],
)
def test_what_cannot_be_loaded_is_named(reference: str, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        ModelDetector(reference)


def test_a_model_without_personal_labels_is_refused(tmp_path: Path) -> None:
    spacy = pytest.importorskip("spacy")
    pipeline = spacy.blank("en")
    pipeline.add_pipe("entity_ruler").add_patterns([{"label": "WORK_OF_ART", "pattern": "town"}])
    pipeline.to_disk(tmp_path)
    with pytest.raises(ContractError, match=r"none of its labels \(WORK_OF_ART\) is a type of personal data"):
        ModelDetector(f"spacy:{tmp_path}")


def test_labels_of_the_usual_models() -> None:
    assert [type_of(label) for label in ("B-PER", "I-LOC", "GPE", "ORG", "GIVENNAME", "WORK_OF_ART", "O")] == [
        "PERSON", "LOCATION", "LOCATION", "ORGANIZATION", "PERSON", "", "",
    ]  # fmt: skip
