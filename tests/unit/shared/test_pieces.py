"""A finished piece is not made twice."""

from pathlib import Path

from pydantic import BaseModel

from components.shared.pieces import piece


class Number(BaseModel):
    value: int


def test_a_piece_is_computed_once_and_kept_whole(tmp_path: Path) -> None:
    made: list[int] = []

    def compute() -> Number:
        made.append(1)
        return Number(value=len(made))

    assert piece(tmp_path / "a", "first", Number, compute).value == 1
    assert piece(tmp_path / "a", "first", Number, compute).value == 1
    assert piece(tmp_path / "a", "second", Number, compute).value == 2
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["first.json", "second.json"]
    assert piece(None, "first", Number, compute).value == 3
