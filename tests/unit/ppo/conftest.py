"""One tiny family of models for all tests here; each test loads its own copy."""

from collections.abc import Callable
from pathlib import Path

import pytest

from components.ppo.trainer import PpoTrainer
from tests.unit.ppo.family import Family, build_family, settings_of


@pytest.fixture(scope="session")
def family(tmp_path_factory: pytest.TempPathFactory) -> Family:
    return build_family(tmp_path_factory.mktemp("family"))


@pytest.fixture
def trainer(family: Family) -> Callable[..., PpoTrainer]:
    """Make a trainer: ``trainer(learning_rate=0.1)`` or ``trainer(directory=path)``."""

    def make(directory: Path | None = None, **changes: object) -> PpoTrainer:
        return family.trainer(settings_of(**changes), directory)

    return make
