"""One tiny family of models for all tests here; each test loads its own copy."""

from collections.abc import Callable
from pathlib import Path

import pytest

from components.ppo.config import PpoConfig
from components.ppo.trainer import PpoTrainer
from tests.unit.ppo.family import Family, build_family, prompts_of, sampling_of, settings_of


@pytest.fixture(scope="session")
def family(tmp_path_factory: pytest.TempPathFactory) -> Family:
    return build_family(tmp_path_factory.mktemp("family"))


@pytest.fixture
def trainer(family: Family) -> Callable[..., PpoTrainer]:
    """Make a trainer: ``trainer(learning_rate=0.1)`` or ``trainer(directory=path)``."""

    def make(directory: Path | None = None, **changes: object) -> PpoTrainer:
        settings: PpoConfig = settings_of(**changes)
        tokenizer = family.tokenizer()
        return PpoTrainer(family.roles(), settings, prompts_of(tokenizer, settings), sampling_of(tokenizer, settings), directory)

    return make
