"""A spaCy or transformers NER model that the user names, as one more engine; never loaded unless it is named."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from components.anonymize.spans import Span, merge
from components.shared.errors import ContractError
from components.shared.normalize import normalize

_TYPE_OF_LABEL = {
    **dict.fromkeys(("PER", "PERSON", "NAME", "PATIENT", "DOCTOR", "STAFF", "GIVENNAME", "SURNAME"), "PERSON"),
    **dict.fromkeys(("LOC", "GPE", "FAC", "LOCATION", "CITY"), "LOCATION"),
    **dict.fromkeys(("ORG", "ORGANIZATION", "HOSPITAL", "HOSP"), "ORGANIZATION"),
    **dict.fromkeys(("DATE", "DATE_TIME", "DATEOFBIRTH"), "DATE"),
    **dict.fromkeys(("EMAIL", "EMAIL_ADDRESS"), "EMAIL"),
    **dict.fromkeys(("PHONE", "PHONE_NUMBER", "TELEPHONENUM"), "PHONE"),
    **dict.fromkeys(("ID", "IDCARD", "IDCARDNUM", "SSN", "SOCIALNUM", "ACCOUNTNUM", "CREDITCARDNUMBER"), "ID"),
    **dict.fromkeys(("ADDRESS", "STREET", "STREET_ADDRESS"), "ADDRESS"),
    **dict.fromkeys(("URL", "USERNAME", "AGE", "NORP", "PROFESSION"), ""),
} | {"URL": "URL", "USERNAME": "HANDLE", "AGE": "AGE", "NORP": "DEMOGRAPHIC", "PROFESSION": "PROFESSION"}
_BATCH = 32

Entities = Iterator[tuple[int, int, str, float]]


class ModelDetector:
    """Runs a named NER model over the turns; labels that it shares with nobody here are ignored, and said at construction."""

    def __init__(self, reference: str, threshold: float = 0.5) -> None:
        """Load the model.

        Args:
            reference: ``spacy:NAME_OR_PATH`` or ``transformers:ID_OR_PATH[@REVISION]``.
            threshold: score from which a finding counts (spaCy gives none: all count).

        Raises:
            ContractError: the reference has another form, the library or the model is missing, or no label of the model is known here.
        """
        library, _, model = reference.partition(":")
        loaders: dict[str, Callable[[str], tuple[Callable[[Sequence[str]], Iterator[Entities]], set[str]]]] = {
            "spacy": _load_spacy,
            "transformers": _load_transformers,
        }
        if library not in loaders or not model:
            raise ContractError(f"anonymize.engines.model={reference!r}: give spacy:NAME or transformers:NAME, where NAME may be a folder")
        try:
            self._entities, labels = loaders[library](model)
        except ImportError:
            raise ContractError(f"anonymize.engines.model={reference!r}: {library} is not installed; pip install {library}") from None
        except (OSError, ValueError) as error:
            raise ContractError(f"anonymize.engines.model={reference!r} cannot be loaded ({str(error).splitlines()[0]})") from None
        if not any(type_of(label) for label in labels):
            raise ContractError(
                f"anonymize.engines.model={reference!r}: none of its labels ({', '.join(sorted(labels))}) is a type of personal data"
            )
        self.name = library
        self._threshold = threshold

    def find(self, turns: Sequence[str]) -> list[list[Span]]:
        """Return what the model finds in each turn."""
        normalized = [normalize(turn) for turn in turns]
        found = []
        for text, entities in zip(normalized, self._entities([text.text for text in normalized]), strict=True):
            found.append(
                merge(
                    Span(*text.original(start, end), kind, self.name, score)
                    for start, end, label, score in entities
                    if (kind := type_of(label)) and score >= self._threshold and start < end
                )
            )
        return found


def type_of(label: str) -> str:
    """Return our type of a model's label (``B-PER``, ``GPE``), empty where it is none of ours."""
    return _TYPE_OF_LABEL.get(label.upper().removeprefix("B-").removeprefix("I-"), "")


def _load_spacy(model: str) -> tuple[Callable[[Sequence[str]], Iterator[Entities]], set[str]]:
    import spacy

    pipeline = spacy.load(model)
    labels = {label for name in pipeline.pipe_names for label in getattr(pipeline.get_pipe(name), "labels", ())}

    def entities(texts: Sequence[str]) -> Iterator[Entities]:
        for document in pipeline.pipe(texts, batch_size=_BATCH):
            yield ((entity.start_char, entity.end_char, entity.label_, 1.0) for entity in document.ents)

    return entities, labels


def _load_transformers(model: str) -> tuple[Callable[[Sequence[str]], Iterator[Entities]], set[str]]:
    from transformers import AutoModelForTokenClassification, AutoTokenizer, pipeline

    name, _, revision = model.partition("@")
    options: dict[str, Any] = {"revision": revision or "main", "trust_remote_code": False}
    network = AutoModelForTokenClassification.from_pretrained(name, use_safetensors=True, **options)
    tokenizer = AutoTokenizer.from_pretrained(name, **options)
    tagger = pipeline("token-classification", model=network, tokenizer=tokenizer, aggregation_strategy="simple")

    def entities(texts: Sequence[str]) -> Iterator[Entities]:
        for found in tagger(list(texts), batch_size=_BATCH):
            yield ((item["start"], item["end"], item["entity_group"], float(item["score"])) for item in found)

    return entities, set(network.config.id2label.values())
