"""Laws of the rules engine: it never raises, its spans are valid, neutral text around a finding changes nothing."""

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.anonymize.document import Turns
from components.anonymize.rules import RECOGNIZERS, RuleDetector

_DETECTOR = RuleDetector()
_TELLING = (
    "my name is Quorvina Bell",
    "call +44 20 7946 0958",
    "mail quorvin@example.org",
    "card 4111 1111 1111 1111",
    "on 3 March 2019",
    "@quiet.moth",
)
_NEUTRAL = ("I feel tired.", "It rained all day.", "We talked for a while.", "That helped me a lot.")
_PIECES = st.sampled_from(
    [*_TELLING, *_NEUTRAL, "İ", "ﬁ", "\u200b", "é", "Ａ", "'", "@", "+", "..", "12", "St.", "\n", "☃", "a_b1", "ул. Садовая 5"]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.text(max_size=30), st.lists(_PIECES, max_size=8).map(" ".join)), max_size=4))
def test_any_turns_give_valid_spans(turns: list[str]) -> None:
    found = _DETECTOR.find(turns)
    assert len(found) == len(turns)
    for turn, spans in zip(turns, found, strict=True):
        assert spans == sorted(spans)
        for kind in {span.type for span in spans}:
            alike = [span for span in spans if span.type == kind]
            ends = [0, *(span.end for span in alike)]
            assert all(end <= span.start < span.end <= len(turn) for end, span in zip(ends, alike, strict=False))
        assert all(0.5 <= span.score <= 1.0 for span in spans)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(_TELLING), st.lists(st.sampled_from(_NEUTRAL), max_size=4), st.lists(st.sampled_from(_NEUTRAL), max_size=4))
def test_neutral_text_around_loses_no_finding(telling: str, before: list[str], after: list[str]) -> None:
    alone = {telling[span.start : span.end] for span in _DETECTOR.find([telling])[0]}
    text = " ".join([*before, f"{telling}.", *after])
    around = {text[span.start : span.end] for span in _DETECTOR.find([text])[0]}
    assert alone, "the sentence tells something"
    assert alone <= around


def test_a_text_twice_as_long_has_twice_the_findings() -> None:
    block = " ".join(f"{sentence}. It rained all day." for sentence in _TELLING) + "\n"
    once, twice, eight = (len(_DETECTOR.find([block * times])[0]) for times in (1, 2, 8))
    assert (twice, eight) == (2 * once, 8 * once)


def test_no_finding_reaches_across_turns() -> None:
    first, second = _DETECTOR.find(["I told Quorvina", "Bell rang twice."])
    assert [(span.start, span.end) for span in first] == [(7, 15)]
    assert second == []


@pytest.mark.parametrize("recognizer", RECOGNIZERS, ids=lambda recognizer: recognizer.__name__)
def test_no_recognizer_finds_anything_in_neutral_text(recognizer: type) -> None:
    document = Turns(_NEUTRAL).document
    assert [finding for finding in recognizer().find(document) if finding[2] >= 0.5] == []


_IN_A_FRESH_PROCESS = """
import socket, sys
def refuse(*arguments, **keywords):
    raise RuntimeError("network")
for name in ("getaddrinfo", "gethostbyname", "create_connection"):
    setattr(socket, name, refuse)
socket.socket.connect = refuse
from components.anonymize.rules import RuleDetector
text = "mail me at jo.march@clinic.example.co.uk, https://a.example.com, 10.0.0.7, 4111 1111 1111 1111"
assert {span.type for span in RuleDetector().find([text])[0]} == {"EMAIL", "URL", "ID"}
assert not {"torch", "transformers", "presidio_analyzer"} & set(sys.modules), "a framework was imported"
"""


def test_no_network_and_no_framework() -> None:
    done = subprocess.run([sys.executable, "-c", _IN_A_FRESH_PROCESS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
