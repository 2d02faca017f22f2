"""The sample data: what the files promise, and that the generator still makes exactly these files."""

import itertools
import re
from collections import Counter
from typing import Any

import pytest

from components.builtin.samples import audit, build
from components.builtin.samples.phrasebook import Span, fill, read_bank, sentences
from components.shared.records import Conversation, PreferencePair

Row = dict[str, Any]

# What a gold span of each type must look like; a span that is off by one character fails nearly all of these.
_LOOKS = {
    "PERSON": r"[A-Z][\w'.-]+( [A-Z][\w'-]+){0,2}",
    "PHONE": r"\+?[\d() .+-]{8,20}\d",
    "EMAIL": r"[a-z0-9._]+@[a-z.]+\.(com|org|net)",
    "ADDRESS": r"(?=.*\d)[A-Z\d][\w',./ -]+[\w.]",
    "LOCATION": r"[A-Z][a-z]+( [A-Z][a-z]+)?",
    "DATE": r"(\d{1,2} )?[A-Z][a-z]+( \d{1,2})?(,? \d{4})?|[\d./-]{10}",
    "AGE": r"[1-8]\d",
    "ORGANIZATION": r"[A-Z][\w .-]+[a-z\d]",
    "HANDLE": r"@[a-z0-9._]+",
    "ID": r"[A-Z#\d][\w/-]*\d",
    "URL": r"(https?://|www\.)[\w./~]+[\w]",
}


@pytest.fixture(scope="module")
def tables() -> dict[str, list[Row]]:
    names = ("conversations", "preferences", "empathy_ratings", "crisis_prompts", "general_text", "general_text_train")
    files = {path.name.split(".")[0]: path for path in build.FOLDER.glob("*.jsonl*")}
    return {name: build.read_rows(files[name]) for name in names}


def test_rebuild_writes_the_committed_bytes() -> None:
    for name, content in build.make_files().items():
        assert content == (build.FOLDER / name).read_bytes(), f"{name} differs: run `make samples` and commit the result"


def test_files_stay_small() -> None:
    assert sum(path.stat().st_size for path in build.FOLDER.glob("*.jsonl*")) < 3_000_000


def test_conversations_are_valid_dialogues(tables: dict[str, list[Row]]) -> None:
    rows = tables["conversations"]
    assert len(rows) >= 420
    persons = Counter(row["person_id"] for row in rows)
    assert len(persons) >= 60
    assert min(persons.values()) >= 3
    for row in rows:
        messages = Conversation.model_validate(row).messages
        assert 4 <= len(messages) <= 12
        assert [message.role for message in messages] == ["user", "assistant"] * (len(messages) // 2)
        assert all(len(message.content.split()) <= 45 for message in messages if message.role == "assistant")
        assert sum(len(message.content.split()) for message in messages) <= 230
        assert not re.search(r"[{}\[\]|]|  ", " ".join(message.content for message in messages)), row["id"]


def test_every_topic_is_there(tables: dict[str, list[Row]]) -> None:
    topics = Counter(row["meta"]["topic"] for row in tables["conversations"])
    assert set(topics) == {"grief", "panic", "exams", "loneliness", "couple", "work", "sleep", "anger", "crisis"}
    assert min(topics.values()) >= 25


def test_gold_spans_are_exact(tables: dict[str, list[Row]]) -> None:
    counts: Counter[str] = Counter()
    for row in tables["conversations"]:
        for entity in row["meta"]["entities"]:
            text = row["messages"][entity["message"]]["content"]
            value = text[entity["start"] : entity["end"]]
            assert re.fullmatch(_LOOKS[entity["type"]], value), (row["id"], entity)
            assert not text[entity["start"] - 1 : entity["start"]].isalnum() or entity["start"] == 0, (row["id"], entity)
            assert not text[entity["end"] : entity["end"] + 1].isalnum(), (row["id"], entity)
            counts[entity["type"]] += 1
    assert set(counts) == set(_LOOKS)
    assert min(counts.values()) >= 30, counts


def test_gold_spans_miss_no_mail_address_or_telephone_number(tables: dict[str, list[Row]]) -> None:
    for row in tables["conversations"]:
        for index, message in enumerate(row["messages"]):
            gold = [(e["start"], e["end"]) for e in row["meta"]["entities"] if e["message"] == index]
            for match in re.finditer(r"\S+@\S*|\+\d{2}[\d ()-]{6,}", message["content"]):
                assert any(start <= match.start() < end for start, end in gold), (row["id"], index)


def test_a_person_keeps_the_same_data(tables: dict[str, list[Row]]) -> None:
    emails: dict[str, set[str]] = {}
    for row in tables["conversations"]:
        for entity in row["meta"]["entities"]:
            if entity["type"] == "EMAIL":
                text = row["messages"][entity["message"]]["content"]
                emails.setdefault(row["person_id"], set()).add(text[entity["start"] : entity["end"]])
    assert len(emails) >= 20
    assert all(len(values) == 1 for values in emails.values())
    assert len(set().union(*emails.values())) == len(emails)


def test_crisis_dialogues_ask_about_safety_and_name_help(tables: dict[str, list[Row]]) -> None:
    rows = [row for row in tables["conversations"] if row["meta"]["crisis"]]
    assert len(rows) >= 40
    for row in rows:
        replies = [message["content"].lower() for message in row["messages"] if message["role"] == "assistant"]
        assert re.search(r"safe|danger|end(ing)? your life|kill(ing)? yourself|hurting yourself", replies[0]), row["id"]
        assert re.search(
            r"emergency|crisis line|help line|112|911|988|116 1|doctor|police|abuse line|someone you trust", " ".join(replies)
        ), row["id"]


def test_preferences_are_valid_pairs(tables: dict[str, list[Row]]) -> None:
    rows = tables["preferences"]
    assert len(rows) >= 640
    assert {row["person_id"] for row in rows} == {row["person_id"] for row in tables["conversations"]}
    prompts: dict[str, str] = {}
    pairs = set()
    for row in rows:
        pair = PreferencePair.model_validate(row)
        assert pair.prompt[-1].role == "user"
        chosen, rejected = pair.chosen[0].content, pair.rejected[0].content
        assert chosen != rejected
        assert not re.search(r"[{}\[\]|]|  ", chosen + rejected), row["id"]
        prompt = "\n".join(message.content for message in pair.prompt)
        assert prompts.setdefault(prompt, row["person_id"]) == row["person_id"]
        assert (rejected, chosen) not in pairs
        pairs.add((chosen, rejected))
    assert len(prompts) == len(rows)


def test_ratings_agree_with_the_preference(tables: dict[str, list[Row]]) -> None:
    margins = []
    for row in tables["preferences"]:
        for side in ("chosen", "rejected"):
            rating = row["meta"]["ratings"][side]
            assert set(rating) == {"empathy", "safety", "helpfulness", "emotional_reactions", "interpretations", "explorations"}
            assert all(1 <= rating[name] <= 5 for name in ("empathy", "safety", "helpfulness"))
            assert all(0 <= rating[name] <= 2 for name in ("emotional_reactions", "interpretations", "explorations"))
        margins.append(audit.rating_margin(row))
    assert min(margins) > 0
    assert len(set(margins)) >= 8


def test_no_shallow_rule_tells_chosen_from_rejected(tables: dict[str, list[Row]]) -> None:
    pairs = tables["preferences"]
    assert 0.45 <= audit.length_rule_accuracy(pairs) <= 0.68
    # Above chance as well: a set in which words carry nothing could not teach a small model anything.
    assert 0.60 <= audit.bag_of_words_accuracy(pairs) < 0.85


def test_data_card_shows_what_the_audit_prints(capsys: pytest.CaptureFixture[str]) -> None:
    audit.main()
    assert capsys.readouterr().out.rstrip() in (build.FOLDER / "README.md").read_text(encoding="utf-8")


def test_bag_of_words_audit_finds_a_giveaway() -> None:
    sides = [("warm reply", "cold reply"), ("a warm one", "a cold one")]
    pairs = [
        {"person_id": f"p{i % 10}", "chosen": [{"content": sides[i % 2][0]}], "rejected": [{"content": sides[i % 2][1]}]} for i in range(40)
    ]
    assert audit.bag_of_words_accuracy(pairs) == 1.0
    assert audit.length_rule_accuracy(pairs) == 0.5


def test_empathy_levels_are_balanced(tables: dict[str, list[Row]]) -> None:
    rows = tables["empathy_ratings"]
    assert len(rows) >= 700
    for mechanism in ("emotional_reactions", "interpretations", "explorations"):
        counts = Counter(row[mechanism] for row in rows)
        assert set(counts) == {0, 1, 2}
        assert min(counts.values()) >= 0.15 * len(rows)
    assert any("?" in row["response"] and row["explorations"] == 0 for row in rows)
    assert any("sorry" in row["response"].lower() and row["emotional_reactions"] == 0 for row in rows)
    assert len({(row["seeker"], row["response"]) for row in rows}) == len(rows)


def test_empathy_ratings_are_disjoint_from_what_the_models_train_on(tables: dict[str, list[Row]]) -> None:
    trained = [m["content"] for row in tables["conversations"] for m in row["messages"]]
    trained += [m["content"] for row in tables["preferences"] for m in row["prompt"] + row["chosen"] + row["rejected"]]
    rated = [row[side] for row in tables["empathy_ratings"] for side in ("seeker", "response")]
    assert not _shingles(trained, 7) & _shingles(rated, 7)
    persons = {row["person_id"] for name in ("conversations", "preferences") for row in tables[name]}
    assert not persons & {row["person_id"] for row in tables["empathy_ratings"]}


def test_crisis_prompts_say_what_is_expected(tables: dict[str, list[Row]]) -> None:
    rows = tables["crisis_prompts"]
    labels = Counter(row["label"] for row in rows)
    assert labels["crisis"] >= 60
    assert labels["near_miss"] >= 15
    assert len({row["category"].split(".")[0] for row in rows}) == 10
    assert len({row["prompt"] for row in rows}) == len(rows)
    for row in rows:
        assert row["expected"]["no_method"]
        assert row["expected"]["human_contact"] == (row["label"] == "crisis")


def test_general_text_halves_share_no_sentence(tables: dict[str, list[Row]]) -> None:
    halves = [[row["text"] for row in tables[name]] for name in ("general_text", "general_text_train")]
    for texts in halves:
        assert 80_000 <= sum(len(text.encode()) for text in texts) <= 120_000
        assert len(set(texts)) == len(texts)
    assert not _shingles(halves[0], 8) & _shingles(halves[1], 8)


def test_dialogues_of_different_persons_are_not_near_duplicates(tables: dict[str, list[Row]]) -> None:
    texts = [" ".join(m["content"] for m in row["messages"]) for row in tables["conversations"]]
    shingles = [_shingles([text], 5) for text in texts]
    topics = [row["meta"]["topic"] for row in tables["conversations"]]
    for i, j in itertools.combinations(range(len(texts)), 2):
        if topics[i] == topics[j]:
            assert len(shingles[i] & shingles[j]) <= 0.8 * len(shingles[i] | shingles[j]), (i, j)


def test_all_ids_are_unique(tables: dict[str, list[Row]]) -> None:
    for name, rows in tables.items():
        assert len({row["id"] for row in rows}) == len(rows), name
        assert {row["source"] for row in rows} == {"attune-samples"}


def test_fill_gives_offsets_of_typed_slots_only() -> None:
    text, spans = fill("Hi {name}, {pe} is {age}.", {"name": "Ann", "pe": "she", "age": "40"}, {"name": "PERSON", "age": "AGE"})
    assert text == "Hi Ann, she is 40."
    assert spans == [Span(3, 6, "PERSON"), Span(15, 17, "AGE")]


def test_sentences_split_after_each_closing_mark() -> None:
    assert sentences("Oh. You ran, at 5.30? I see!") == ["Oh.", "You ran, at 5.30?", "I see!"]


def test_bank_refuses_a_line_that_it_does_not_know(tmp_path: Any) -> None:
    path = tmp_path / "bank.txt"
    path.write_text("== one\nU> hello\nX hello\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"bank\.txt:3"):
        read_bank(path)


def _shingles(texts: list[str], size: int) -> set[tuple[str, ...]]:
    """All runs of ``size`` words."""
    found: set[tuple[str, ...]] = set()
    for text in texts:
        words = re.findall(r"\w+", text.lower())
        found.update(tuple(words[i : i + size]) for i in range(len(words) - size + 1))
    return found
