"""The clinician's sample, and the bound that follows from their answers. Everybody here is invented."""

import csv
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from components.shared import artifacts
from components.shared.errors import ContractError
from pipelines import sample_review


def artifact(folder: Path, rows: int = 30, *, review: bool = True) -> Path:
    target = artifacts.start(str(folder))
    turns = [{"role": role, "content": f"turn {i} of [PERSON_1]"} for i, role in enumerate(["user", "assistant"])]
    talks = [{"id": f"c{n}", "person_id": "p", "messages": turns} for n in range(rows)]
    (target / "conversations.jsonl").write_text("".join(json.dumps(talk) + "\n" for talk in talks), encoding="utf-8")
    if review:
        facts = [{"id": f"c{n}", "doubts": [n / 100, 0.0], "replaced": [2, 1]} for n in range(rows)]
        (target / "review.jsonl").write_text("".join(json.dumps(fact) + "\n" for fact in facts), encoding="utf-8")
    artifacts.seal(SimpleNamespace(path=str(target), metadata={}), "conversations/v1", properties={"rows": rows})
    return target


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def answer(path: Path, left: dict[str, str], default: str = "0") -> None:
    rows = read(path)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, sample_review.COLUMNS)
        writer.writeheader()
        writer.writerows({**row, "left": left.get(row["sample"], default)} for row in rows)


def test_half_is_random_and_half_is_what_the_engines_were_least_sure_of(tmp_path: Path) -> None:
    source, output = artifact(tmp_path / "talks"), tmp_path / "review.csv"
    assert sample_review.write_sample(source, output, number=10, seed=3) == 20
    rows = read(output)
    assert [row["sample"] for row in rows] == ["random"] * 10 + ["uncertain"] * 10
    assert len({(row["row"], row["turn"]) for row in rows}) == 20
    drawn = {(row["row"], row["turn"]) for row in rows[:10]}
    surest_first = [f"c{n}" for n in range(29, -1, -1) if (f"c{n}", "0") not in drawn]
    assert [row["row"] for row in rows[10:]] == surest_first[:10]
    sample_review.write_sample(source, tmp_path / "again.csv", number=10, seed=3)
    assert (tmp_path / "again.csv").read_bytes() == output.read_bytes()


def test_answers_become_a_clopper_pearson_bound(tmp_path: Path) -> None:
    """0 of 30 missed: lower bound 0.05 ** (1 / 30) = 0.90497; the uncertain half does not count."""
    source, output = artifact(tmp_path / "talks"), tmp_path / "review.csv"
    sample_review.write_sample(source, output, number=20, seed=0)
    answer(output, {"uncertain": "2"})
    bound = sample_review.read_answers(output)
    replaced = sum(int(row["replaced"]) for row in read(output) if row["sample"] == "random")
    assert (bound.turns, bound.replaced, bound.left, bound.recall) == (20, replaced, 0, 1.0)
    assert bound.recall_lower == pytest.approx(0.05 ** (1 / replaced))
    assert (bound.uncertain_turns, bound.uncertain_left) == (20, 40)
    answer(output, {"random": "1"})
    assert sample_review.read_answers(output).recall == pytest.approx(replaced / (replaced + 20))


def test_answers_that_are_no_numbers_are_named_by_line(tmp_path: Path) -> None:
    source, output = artifact(tmp_path / "talks"), tmp_path / "review.csv"
    sample_review.write_sample(source, output, number=5)
    with pytest.raises(ContractError, match="line 2: column left wants a whole number"):
        sample_review.read_answers(output)
    output.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(ContractError, match=r"columns left, replaced, row, sample, text, turn are missing"):
        sample_review.read_answers(output)


def test_an_artifact_without_review_facts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"has no review\.jsonl; give the output anonymized_conversations"):
        sample_review.write_sample(artifact(tmp_path / "talks", review=False), tmp_path / "review.csv")
