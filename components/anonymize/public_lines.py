"""Emergency services and help lines: numbers that name nobody and that a support model must learn as they are."""

import re
from functools import cache
from pathlib import Path

_FILE = Path(__file__).parent / "gazetteers" / "public_lines.txt"
_TYPES = frozenset({"PHONE", "ID", "URL", "QUANTITY", "ADDRESS"})
_JOINTS = re.compile(r"[,;]\s|\s(?:or|and|или|и|yoki|va|ёки|ва)\s|\s/\s", re.IGNORECASE)
_LINK_START = re.compile(r"^(?:https?://)?(?:www\.)?")


def is_public_line(entity_type: str, surface: str) -> bool:
    """Say whether a found value is, as a whole, the number or page of a public service, or several of them ("988 or 116 123")."""
    if entity_type not in _TYPES:
        return False
    parts = [part for part in _JOINTS.split(surface) if part.strip()]
    return bool(parts) and all(_figures(part) in _entries() or _page(part) in _entries() for part in parts)


def _figures(surface: str) -> str:
    """Return the figures of a number; empty where letters make it something else."""
    return "" if any(map(str.isalpha, surface)) else "".join(filter(str.isdigit, surface))


def _page(surface: str) -> str:
    return _LINK_START.sub("", surface.strip().casefold()).rstrip("/")


@cache
def _entries() -> frozenset[str]:
    lines = [line for line in _FILE.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    return frozenset(_page(line) if "." in line else _figures(line) for line in lines)
