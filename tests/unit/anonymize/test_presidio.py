"""Attune's detectors inside a Presidio analyzer. Everybody here is invented."""

from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import NoOpNlpEngine

from components.anonymize.presidio import as_presidio_recognizer
from components.anonymize.rules import RuleDetector


def test_a_detector_works_in_a_presidio_registry_of_ones_own() -> None:
    engine = NoOpNlpEngine(models=[{"lang_code": "en", "model_name": "none"}])
    engine.load()
    registry = RecognizerRegistry(recognizers=[as_presidio_recognizer(RuleDetector())], supported_languages=["en"])
    analyzer = AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=["en"])
    text = "My name is Dilnavoz, call +998 90 123 45 67."
    results = {(r.entity_type, text[r.start : r.end]) for r in analyzer.analyze(text, language="en", entities=["PERSON", "PHONE_NUMBER"])}
    assert results == {("PERSON", "Dilnavoz"), ("PHONE_NUMBER", "+998 90 123 45 67")}
