"""Presidio without the neural libraries that it looks for, and without the network that it asks.

Importing ``presidio_analyzer`` imports torch and transformers wherever they are installed (22 s and 430 MB measured, 2.6 s and 104 MB
without), for engines that this path does not use. Its e-mail recognizer resolves two public hosts at the first address. Everything
here that needs Presidio imports it from this module.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

_UNUSED = ("torch", "transformers", "stanza", "spacy_stanza", "gliner", "cupy", "tensorflow", "mxnet")


@contextmanager
def _not_importable(names: tuple[str, ...]) -> Iterator[None]:
    """Make the modules that are not imported yet raise ImportError within the block; Presidio and thinc treat all as optional."""
    hidden = [name for name in names if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # the documented way to block an import
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)


with _not_importable(_UNUSED):
    import tldextract.tldextract
    from presidio_analyzer import AnalyzerEngine, LocalRecognizer, RecognizerRegistry, RecognizerResult
    from presidio_analyzer.nlp_engine import NoOpNlpEngine
    from presidio_analyzer.predefined_recognizers import (
        CreditCardRecognizer,
        CryptoRecognizer,
        EmailRecognizer,
        IbanRecognizer,
        IpRecognizer,
        UkNinoRecognizer,
        UsSsnRecognizer,
    )

# The suffix list that ships with the package, no cache on disk, no look-up.
tldextract.tldextract.TLD_EXTRACTOR = tldextract.tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)

__all__ = [
    "AnalyzerEngine",
    "CreditCardRecognizer",
    "CryptoRecognizer",
    "EmailRecognizer",
    "IbanRecognizer",
    "IpRecognizer",
    "LocalRecognizer",
    "NoOpNlpEngine",
    "RecognizerRegistry",
    "RecognizerResult",
    "UkNinoRecognizer",
    "UsSsnRecognizer",
]
