"""What Attune ships: a tiny base model and sample data, addressed as ``builtin:NAME``."""

from pathlib import Path

_ROOT = Path(__file__).parent
_RESOURCES = {
    "tiny": "tiny",
    "conversations": "samples/conversations.jsonl.gz",
    "preferences": "samples/preferences.jsonl.gz",
    "empathy_ratings": "samples/empathy_ratings.jsonl.gz",
    "crisis_prompts": "samples/crisis_prompts.jsonl",
    "general_text": "samples/general_text.jsonl",
}
PREFIX = "builtin:"


def resolve(uri: str) -> Path:
    """Return the path behind ``builtin:NAME``.

    Raises:
        ValueError: NAME is none of the built-in resources.
    """
    name = uri.removeprefix(PREFIX)
    if name not in _RESOURCES:
        raise ValueError(f"unknown built-in resource {uri!r}; available: {', '.join(PREFIX + n for n in _RESOURCES)}")
    return _ROOT / _RESOURCES[name]
