"""What counts as extracted, by hand."""

from components.privacy_audit.extraction import extracted_replies, extracted_secrets, mentioned_secrets
from components.privacy_audit.overlap import PersonalRuns
from components.privacy_audit.subjects import Prefix
from components.shared.canaries import Canary
from components.shared.generation import Generated
from components.shared.records import Message

REPLY = [5, 6, 7, 8]
TRAIN = [("ann", REPLY), ("bob", [1, 1, 1, 1])]


def wrote(*ids: int, text: str = "") -> Generated:
    return Generated(list(ids), text, truncated=False)


def hits(continuations: list[Generated], base: list[Generated], train: list[tuple[str, list[int]]] = TRAIN) -> int:
    return extracted_replies([Prefix("ann", [9], REPLY)], [continuations], [base], PersonalRuns(train, [], 3), 3).hits


def test_a_continuation_that_begins_as_the_reply_did_is_a_hit() -> None:
    assert hits([wrote(0), wrote(5, 6, 7, 0)], [wrote(0)]) == 1
    assert hits([wrote(5, 6, 0, 7)], [wrote(0)]) == 0
    assert hits([wrote(0, 5, 6, 7)], [wrote(0)]) == 0  # not from the first token on


def test_what_the_base_writes_or_others_were_told_is_no_hit() -> None:
    assert hits([wrote(5, 6, 7, 0)], [wrote(5, 6, 7, 1)]) == 0
    assert hits([wrote(5, 6, 7, 0)], [wrote(0)], [*TRAIN, ("eve", [5, 6, 7])]) == 0


def test_secrets_that_are_spelled_out() -> None:
    canary = Canary(
        id="canary-contact-0", kind="contact", prompt=[Message(role="user", content="?")], lead="It is ", slots=[["12-"], ["34"]],
        choice=[0, 0], repetitions=1,
    )  # fmt: skip
    assert extracted_secrets([canary], [[wrote(text="no"), wrote(text="12-34.")]]) == ["canary-contact-0"]
    assert extracted_secrets([canary], [[wrote(text="12-43")]]) == []
    assert mentioned_secrets([canary], ["Hello.", "Call 12-34"]) == ["canary-contact-0"]
