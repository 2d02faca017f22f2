"""The text that the base model learns from: what this project wrote, and two public sets given by the user.

The sample conversations and preferences of `components/builtin/samples` are left out on purpose: SFT, the reward model
and the evaluation use them, and a base that had read them would make every comparison meaningless.
"""

import hashlib
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from components.builtin.tiny.prose import Writer, load_rules
from components.builtin.tiny.public_text import Messages, read_counsel_chat, read_jsonl, read_wikitext

GENERAL_TEXT: Final = Path(__file__).parents[1] / "samples" / "general_text_train.jsonl"
HELD_OUT_EVERY: Final = 40
# Texts written from the grammar. Together they are a good half of the corpus: a model this small learns fluent sentences from plain
# prose with few patterns, and the public sets widen its vocabulary. Few chats suffice for the turns.
NUM_WRITTEN: Final = {"written-prose": 9_000, "written-chat": 1_200}


@dataclass(frozen=True)
class Document:
    """One text: prose in `text`, or a dialogue in `messages`."""

    source: str
    text: str = ""
    messages: Messages | None = None

    def plain_text(self) -> str:
        """The words alone, without role tokens."""
        return self.text if self.messages is None else "\n".join(message["content"] for message in self.messages)


@dataclass
class Corpus:
    """Training documents and the held-out ones: every HELD_OUT_EVERY-th of each source."""

    train: list[Document] = field(default_factory=list)
    held_out: list[Document] = field(default_factory=list)

    def add(self, documents: list[Document]) -> None:
        """Take the documents of one source, and hold some of them out."""
        for index, document in enumerate(documents):
            (self.held_out if index % HELD_OUT_EVERY == 0 else self.train).append(document)

    def summary(self) -> dict[str, dict[str, Any]]:
        """Per source: number of documents, UTF-8 bytes, and a digest of the sorted texts."""
        summary: dict[str, dict[str, Any]] = {}
        for source in sorted({document.source for document in self.train}):
            texts = sorted(document.plain_text().encode() for document in self.train if document.source == source)
            summary[source] = {
                "num_documents": len(texts),
                "num_bytes": sum(map(len, texts)),
                "sha256": hashlib.sha256(b"\x00".join(texts)).hexdigest(),
            }
        return summary


def build_corpus(data: Path, seed: int) -> Corpus:
    """Read and write everything, in a fixed order.

    Args:
        data: folder that holds `counsel-chat/` and `wikitext-2/`.
        seed: of the written texts.
    """
    corpus = Corpus()
    for documents in own_documents(seed):
        corpus.add(documents)
    corpus.add([Document("wikitext-2", text=text) for text in read_wikitext(data / "wikitext-2")])
    corpus.add([Document("counsel-chat", messages=messages) for messages in read_counsel_chat(data / "counsel-chat")])
    random.Random(seed).shuffle(corpus.train)
    return corpus


def own_documents(seed: int) -> list[list[Document]]:
    """What this project wrote, one list a source."""
    rules = load_rules()
    prose, chat = Writer(rules, seed), Writer(rules, seed + 1)
    return [
        [Document("written-prose", text=prose.write("prose")) for _ in range(NUM_WRITTEN["written-prose"])],
        [Document("written-chat", messages=write_chat(chat)) for _ in range(NUM_WRITTEN["written-chat"])],
        [Document("general-text", text=row["text"]) for row in read_jsonl(GENERAL_TEXT)],
    ]


def write_chat(writer: Writer) -> Messages:
    """A dialogue from the grammar: its lines start with `S:`, `U:` or `A:`."""
    roles = {"S": "system", "U": "user", "A": "assistant"}
    messages: Messages = []
    for line in writer.write("chat").split("\n"):
        mark, _, content = line.partition(": ")
        messages.append({"role": roles[mark], "content": content})
    return messages
