"""What the expectation suites see of a row: ids, counts, lengths, flags, hashes. No column holds text, so no result can leak any."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from itertools import pairwise
from statistics import mean
from typing import Any

from components.shared.records import Conversation, Message, PreferencePair
from components.validate_data.messages import normalized
from components.validate_data.reasons import TEXT_REPAIRS, Finding

_MARKUP = re.compile(r"</?[a-zA-Z][^<>]*>|&(?:[a-z]{2,8}|#\d+);|\]\(https?://")
_MOJIBAKE = re.compile("[\u00c2\u00c3\u00d0\u00d1][\u0080-\u00bf]|\u00e2\u20ac[\u0080-\u2122]")
_TELLING_CHARACTERS = 40  # shorter replies (a greeting, thanks) are said in many dialogues by rights

Features = dict[str, Any]


def of_conversation(row: Conversation, findings: Sequence[Finding]) -> Features:
    """Return the features of a valid dialogue; lengths are in characters."""
    lengths = [len(message.content) for message in row.messages]
    turns = [message for message in row.messages if message.role != "system"]
    replies = [message for message in turns if message.role == "assistant"]
    return {
        **_identity(row, findings),
        **_text(row.messages),
        "turns": len(row.messages),
        "starts_with_user": turns[0].role == "user",
        "ends_with_assistant": turns[-1].role == "assistant",
        "roles_alternate": all(left.role != right.role for left, right in pairwise(turns)),
        "shortest_characters": min(lengths),
        "longest_characters": max(lengths),
        "user_characters": sum(len(message.content) for message in turns if message.role == "user"),
        "reply_characters": sum(len(reply.content) for reply in replies),
        "replies": len(replies),
        "content_hash": content_hash(row.messages),
        "reply_hashes": [content_hash([reply]) for reply in replies if len(reply.content) >= _TELLING_CHARACTERS],
    }


def of_pair(row: PreferencePair, findings: Sequence[Finding]) -> Features:
    """Return the features of a valid preference pair; lengths are in characters."""
    chosen, rejected = len(row.chosen[0].content), len(row.rejected[0].content)
    messages = [*row.prompt, *row.chosen, *row.rejected]
    return {
        **_identity(row, findings),
        **_text(messages),
        "turns": len(row.prompt),
        "ends_with_user": row.prompt[-1].role == "user",
        "single_replies": len(row.chosen) == len(row.rejected) == 1,
        "replies_differ": content_hash(row.chosen) != content_hash(row.rejected),
        "shortest_characters": min(len(message.content) for message in messages),
        "longest_characters": max(len(message.content) for message in messages),
        "chosen_characters": chosen,
        "rejected_characters": rejected,
        "longer_is_chosen": 0.5 if chosen == rejected else float(chosen > rejected),
        "prompt_hash": content_hash(row.prompt),
        "content_hash": content_hash(messages),
        "reversed_hash": content_hash([*row.prompt, *row.rejected, *row.chosen]),
        "rated": "ratings" in row.meta,
        "ratings_agree": _ratings_agree(row.meta.get("ratings")),
    }


def content_hash(messages: Sequence[Message]) -> str:
    """Return the sha256 (hex) of roles and normalised texts: equal for rows that differ in case and spacing only."""
    text = "\x1e".join(f"{message.role}\x1f{normalized(message.content)}" for message in messages)
    return sha256(text.encode()).hexdigest()


def mark_repeated_replies(rows: Sequence[Features]) -> None:
    """Replace each row's ``reply_hashes`` by ``repeated_reply``: a long reply of it occurs in another row too."""
    rows_with = Counter(digest for row in rows for digest in set(row["reply_hashes"]))
    for row in rows:
        row["repeated_reply"] = any(rows_with[digest] > 1 for digest in row.pop("reply_hashes"))


def _ratings_agree(ratings: Any) -> bool:
    """The chosen reply is not rated below the rejected one; pairs without both ratings agree."""
    if not isinstance(ratings, dict) or not {"chosen", "rejected"} <= ratings.keys():
        return True
    chosen, rejected = (mean(_numbers(ratings[name])) for name in ("chosen", "rejected"))
    return chosen >= rejected


def _numbers(value: Any) -> list[float]:
    return [number for item in value.values() for number in _numbers(item)] if isinstance(value, dict) else [float(value)]


def _identity(row: Conversation | PreferencePair, findings: Sequence[Finding]) -> Features:
    codes = {finding.code for finding in findings}
    return {
        "row_id": row.id,
        "person_id": row.person_id,
        "source": row.source,
        "own_person": "PERSON_FROM_ROW_ID" in codes,
        "text_repaired": bool(codes & TEXT_REPAIRS),
        "trimmed": bool(codes & {"TRIMMED_START", "TRIMMED_END"}),
    }


def _text(messages: Sequence[Message]) -> Features:
    text = "\n".join(message.content for message in messages)
    visible = [character for character in text if not character.isspace()]
    return {
        "composed": unicodedata.is_normalized("NFC", text),
        "markup": bool(_MARKUP.search(text)),
        "mojibake": bool(_MOJIBAKE.search(text)),
        "letters_fraction": sum(character.isalpha() for character in visible) / len(visible),
    }
