"""Settings: what a person types, and what they are told when it is wrong."""

from pathlib import Path

import pytest

from components.shared.errors import ContractError
from pipelines.settings import PROFILES, STAGES, Settings, absolute_uri


@pytest.mark.parametrize("profile", sorted(path.stem for path in PROFILES.rglob("*.yaml")))
def test_every_profile_loads(profile: str) -> None:
    settings = Settings.load(profile)
    assert all(settings.resources_of(stage).image for stage in STAGES)


def test_override_reaches_the_stage_with_its_type() -> None:
    assert Settings.load("local", ["ppo.kl_coef=0.125"]).ppo.kl_coef == 0.125
    assert Settings.load("local", ["data.conversations=/x/y.jsonl"]).data.conversations == "/x/y.jsonl"
    assert Settings.load("local", ["register.model_name=other"]).stage("register").to_parameter()["model_name"] == "other"


def test_unknown_key_names_the_known_ones() -> None:
    with pytest.raises(ContractError, match=r"ppo\.kl_coeff: unknown setting; known: .*kl_coef"):
        Settings.load("local", ["ppo.kl_coeff=0.1"])


def test_unknown_section_and_value_out_of_range_are_both_reported() -> None:
    with pytest.raises(ContractError) as caught:
        Settings.load("local", ["pppo.kl_coef=0.1", "ppo.kl_coef=-1"])
    assert "pppo: unknown setting" in str(caught.value)
    assert "ppo.kl_coef" in str(caught.value)
    assert "given -1" in str(caught.value)


@pytest.mark.parametrize(
    ("override", "message"), [("ppo.kl_coef", "give section.key=value"), ("base_model.id.x=1", "is a value, not a section")]
)
def test_malformed_override(override: str, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        Settings.load("local", [override])


def test_missing_profile_names_the_known_ones() -> None:
    with pytest.raises(ContractError, match="neither a file nor one of local, single-gpu"):
        Settings.load("nowhere")


def test_resources_of_an_unknown_stage_are_refused(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("resources: {sftt: {cpu: '1'}}", encoding="utf-8")
    with pytest.raises(ContractError, match="unknown stage sftt"):
        Settings.load(str(tmp_path / "p.yaml"))


def test_parameters_survive_the_struct_that_kfp_makes_of_them() -> None:
    """KFP turns integers inside dictionaries into floats; parsing undoes it."""
    settings = Settings.load("local")
    for stage in STAGES:
        config = settings.stage(stage)
        as_floats = {k: float(v) if isinstance(v, int) and not isinstance(v, bool) else v for k, v in config.to_parameter().items()}
        assert type(config).parse(as_floats) == config


def test_only_local_paths_become_absolute() -> None:
    assert absolute_uri("s3://bucket/x") == "s3://bucket/x"
    assert absolute_uri("builtin:conversations") == "builtin:conversations"
    assert absolute_uri("x.jsonl") == str(Path.cwd() / "x.jsonl")


def test_private_sft_and_unprotected_ptx_do_not_go_together() -> None:
    private = ["sft.dp={enabled: true, target_epsilon: 8}"]
    with pytest.raises(ContractError, match=r"^invalid settings:\n  sft\.dp\.enabled protects .* set ppo\.ptx_coef=0$"):
        Settings.load("local", [*private, "ppo.ptx_coef=0.1"])
    assert Settings.load("local", [*private, "ppo.ptx_coef=0"]).sft.dp.enabled
