"""The command as a person meets it."""

import subprocess
import sys
from pathlib import Path

ATTUNE = str(Path(sys.executable).with_name("attune"))


def attune(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ATTUNE, *arguments], capture_output=True, text=True, cwd=cwd, check=False)


def test_help_lists_the_commands() -> None:
    shown = attune("--help")
    assert shown.returncode == 0
    assert {"run", "compile", "models", "promote", "rollback"} <= set(shown.stdout.split())


def test_a_mistake_is_one_message_without_a_traceback(tmp_path: Path) -> None:
    result = attune("run", "--set", "ppo.clip=2", cwd=tmp_path)
    assert result.returncode == 2
    assert "ppo.clip: unknown setting" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "runs").exists()


def test_compile_writes_the_ir(tmp_path: Path) -> None:
    result = attune("compile", str(tmp_path / "p.yaml"), "--set", "ppo.kl_coef=0.07")
    assert result.returncode == 0, result.stderr
    assert "kl_coef: 0.07" in (tmp_path / "p.yaml").read_text(encoding="utf-8")


def test_compile_refuses_another_suffix(tmp_path: Path) -> None:
    result = attune("compile", str(tmp_path / "p.json"))
    assert result.returncode == 2
    assert ".yaml" in result.stderr
