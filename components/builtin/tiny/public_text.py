"""Reads the public sets that the base model learns from. Nothing read here is stored: only weights leave the script.

Both sets keep their own licence and are given by the user (`make base-model DATA=...`); see the model card.
"""

import html
import json
import re
from pathlib import Path
from typing import Any

Messages = list[dict[str, str]]


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """Rows of a JSON Lines file.

    Raises:
        FileNotFoundError: the file is not there; says which folder is wanted.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing. --data wants a folder that holds counsel-chat/conversations.jsonl, "
            "counsel-chat/preferences.jsonl and wikitext-2/text.jsonl (see the model card, 'Data')."
        )
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def detokenize_wikitext(text: str) -> str:
    """Undo the spacing of WikiText ("a well @-@ known word , here") so that the model learns ordinary punctuation.

    A sentence with `<unk>` has lost its meaning, and the word would be learned as a word: such sentences are cut.
    """
    text = re.sub(r" @([-,.])@ ", r"\1", text)
    text = re.sub(r" '(s|t|re|ve|ll|d|m)\b", r"'\1", text)
    text = re.sub(r"\s+([,.;:!?%)\]])", r"\1", text)
    text = re.sub(r"([(\[$£€]) ", r"\1", text)
    text = re.sub(r'" ([^"\n]*?) "', r'"\1"', text)
    text = re.sub(r"(\S) ' (s|t|re|ve|ll|d|m)\b", r"\1'\2", text)
    kept = []
    for line in text.split("\n"):
        sentences = re.split(r"(?<=[.!?])\s+(?=[A-Z\"])", line.strip())
        kept.append(" ".join(s for s in sentences if "<unk>" not in s))
    return "\n".join(line for line in kept if line).strip()


def read_wikitext(folder: Path) -> list[str]:
    """Plain paragraphs of WikiText-2, headings dropped, one string an article section of at least 200 characters."""
    sections: list[str] = []
    for row in read_jsonl(folder / "text.jsonl"):
        for section in re.split(r"\n\s*(?:= )+[^=\n]+(?: =)+\s*\n", "\n" + row["text"]):
            clean = detokenize_wikitext(section)
            if len(clean) >= 200:
                sections.append(clean)
    return sections


def clean_counsel_text(text: str) -> str:
    """Mend scraping: entities, missing spaces after full stops, hard spaces, runs of blank lines."""
    text = html.unescape(text).replace("\xa0", " ").replace("\u200b", "")
    text = text.translate({0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"', 0x2013: "-", 0x2014: "-"})
    text = re.sub(r"(?<=[a-z])([.!?])(?=[A-Z])", r"\1 ", text)
    text = re.sub(r"\[(?:NAME|URL|EMAIL|PHONE)\]", "", text)
    text = re.sub(r"[ \t]+", " ", text)
    return re.sub(r"\s*\n\s*", "\n", text).strip()


def read_counsel_chat(folder: Path) -> list[Messages]:
    """Question and answer pairs as chat messages; each distinct answer once, whichever file it stands in."""
    pairs: dict[str, str] = {}
    for row in read_jsonl(folder / "conversations.jsonl"):
        question, answer = (message["content"] for message in row["messages"][:2])
        pairs[answer] = question
    for row in read_jsonl(folder / "preferences.jsonl"):
        for key in ("chosen", "rejected"):
            pairs.setdefault(row[key][0]["content"], row["prompt"][-1]["content"])
    return [
        [
            {"role": "user", "content": clean_counsel_text(question)},
            {"role": "assistant", "content": clean_counsel_text(answer)},
        ]
        for answer, question in pairs.items()
    ]
