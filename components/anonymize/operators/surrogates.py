"""The operators of one person: which one a mention takes, and what each of its replacements stands for."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from components.anonymize.operators import ages, broader, dates
from components.anonymize.operators.addresses import Addresses
from components.anonymize.operators.assignment import Assignment
from components.anonymize.operators.contacts import Contacts
from components.anonymize.operators.keyed import KeyedChoice
from components.anonymize.operators.mention import Mention
from components.anonymize.operators.numbers import Numbers
from components.anonymize.operators.person import PersonSurrogates
from components.anonymize.operators.phones import Phones
from components.anonymize.operators.placeholder import PlaceholderOperator
from components.shared.normalize import normalize

if TYPE_CHECKING:
    from components.anonymize.policy import Policy


class _Candidates(Protocol):
    """Writes replacements of one form without end."""

    def candidates(self, mention: Mention) -> Iterator[str]: ...


REDACTED = "[REDACTED]"


class Operators:
    """Replaces the values of one person; the same value of the person always becomes the same, other people's values are unlinked.

    Names, addresses and numbers are one to one within the person and never a value of the corpus. Dates, ages and broader words are not:
    another date, age or town may well be somebody's.
    """

    def __init__(self, policy: "Policy", key: bytes, person_id: str, is_original: Callable[[str], bool], taken: Mapping[str, int]) -> None:
        """Prepare the operators of a person.

        Args:
            policy: which operator each type takes.
            key: the pseudonym key.
            person_id: whose rows; different people get unlinked surrogates.
            is_original: whether a word or value is one of the originals of the whole corpus.
            taken: the highest placeholder number of each type that the input already holds.
        """
        self._policy = policy
        self._keyed = KeyedChoice(key, person_id)
        self._assignment = Assignment(is_original)
        self._placeholders = PlaceholderOperator(taken)
        self._names = PersonSurrogates(self._keyed, self._assignment)
        self._broader = broader.Broader(is_original)
        contacts = Contacts(self._keyed)
        self._formats: dict[str, _Candidates] = {
            "EMAIL": contacts, "HANDLE": contacts, "URL": contacts,
            "PHONE": Phones(self._keyed), "ID": Numbers(self._keyed), "ADDRESS": Addresses(self._keyed),
        }  # fmt: skip

    def replacement(self, mention: Mention) -> str:
        """Return what stands for a mention; the surface itself where the policy keeps its type."""
        operation = self._policy.operators.get(mention.type)  # type: ignore[call-overload]  # any type of a detector may come
        if operation is None or operation.op == "keep":
            return mention.surface
        if operation.op == "placeholder":
            return self._placeholders.replacement(mention.type, mention.entity)
        text = normalize(mention.surface).text
        if operation.op == "redact" or not text.strip():
            return REDACTED
        mention = replace(mention, surface=text)
        if operation.op == "surrogate":
            return self._names.replacement(mention)
        if operation.op == "format":
            return self._assignment.choose((mention.type, mention.entity), self._formats[mention.type].candidates(mention))
        if operation.op == "shift":
            return dates.replacement(mention, dates.offset(operation, self._keyed))
        if operation.op == "band":
            return ages.replacement(mention, operation, self._keyed)
        if operation.op == "class":
            return self._broader.body(mention)
        assert operation.op == "generalise", "the policy knows no other operator"
        return self._broader.place(mention, operation.level) if mention.type == "LOCATION" else broader.fact(mention)
