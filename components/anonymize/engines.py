"""The engines that a configuration asks for, as one detector."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from components.anonymize.config import EngineSettings
from components.anonymize.detector import Detector, UnionDetector
from components.anonymize.entities import Value
from components.anonymize.known_values import KnownValuesDetector
from components.anonymize.rules import THRESHOLD, RuleDetector
from components.shared.errors import ContractError

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Engines:
    """The detector of the first pass, the same engines with lower thresholds, and what was asked for but is not installed."""

    detector: UnionDetector
    second_look: UnionDetector
    missing: tuple[str, ...]
    known: int = 0
    """Values that the owner of the data listed."""


def build_engines(settings: EngineSettings, known: Sequence[Value] = (), second_look: float = 0.8) -> Engines:
    """Load the engines.

    Args:
        settings: which.
        known: values that the owner of the data knows.
        second_look: factor of the thresholds for the second detector, 0-1.

    Raises:
        ContractError: an engine is not installed and ``on_missing`` is ``fail``, or a named model cannot be loaded.
    """
    first: list[Detector] = [RuleDetector()]
    second: list[Detector] = [RuleDetector(THRESHOLD * second_look)]
    missing = []
    wanted: list[tuple[str, Callable[[], tuple[Detector, Detector]]]] = []
    if settings.morphology == "on":
        wanted.append(("morphology", _morphology))
    if settings.neural == "on":
        wanted.append(("neural", lambda: _neural(second_look)))
    for name, load in wanted:
        try:
            engine, doubtful = load()
        except (ImportError, ContractError) as error:
            if settings.on_missing == "fail":
                raise ContractError(
                    f"anonymize: the engine {name!r} cannot be loaded ({error}); install it, switch it off with"
                    f" anonymize.engines.{name}=off, or accept to go on without it with anonymize.engines.on_missing=degrade"
                ) from None
            _logger.warning("anonymize: the engine %r is missing; its findings are missing, too", name)
            missing.append(name)
        else:
            first.append(engine)
            second.append(doubtful)
    if settings.model:
        from components.anonymize.named_model import ModelDetector

        named = ModelDetector(settings.model)
        first.append(named)
        second.append(named)
    if known:
        first.append(KnownValuesDetector(known))
    return Engines(UnionDetector(first), UnionDetector(second), tuple(missing), len(known))


def _morphology() -> tuple[Detector, Detector]:
    from components.anonymize.morphology import MorphologyDetector

    engine = MorphologyDetector()
    return engine, engine


def _neural(second_look: float) -> tuple[Detector, Detector]:
    import torch

    from components.anonymize.neural.detector import NeuralDetector

    torch.set_num_threads(1)  # the stage runs one process a CPU; threads of several processes wait for one another
    engine = NeuralDetector()
    return engine, engine.scaled(second_look)
