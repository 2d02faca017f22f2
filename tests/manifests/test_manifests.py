"""The manifests hold exactly the objects that a compiled run refers to."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from pipelines.settings import ClusterSettings

MANIFESTS = Path(__file__).parents[2] / "manifests"


def objects() -> dict[tuple[str, str], dict[str, object]]:
    documents = [d for name in ("volumes", "tracking") for d in yaml.safe_load_all((MANIFESTS / "base" / f"{name}.yaml").read_text())]
    return {(document["kind"], document["metadata"]["name"]): document for document in documents}


def test_names_are_those_of_the_settings() -> None:
    cluster = ClusterSettings()
    assert set(objects()) == {
        ("PersistentVolumeClaim", cluster.model_cache_claim),
        ("PersistentVolumeClaim", cluster.checkpoint_claim),
        ("ConfigMap", cluster.tracking_config_map),
    }


def test_the_readme_names_every_secret() -> None:
    text = (MANIFESTS / "README.md").read_text(encoding="utf-8")
    cluster = ClusterSettings()
    assert all(
        f"`{name}`" in text for name in (cluster.tracking_secret, cluster.data_secret, cluster.webhook_secret, cluster.pseudonym_secret)
    )


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
@pytest.mark.parametrize("overlay", sorted(path.name for path in (MANIFESTS / "overlays").iterdir()))
def test_overlays_build(overlay: str) -> None:
    command = ["kubectl", "kustomize", str(MANIFESTS / "overlays" / overlay)]
    built = list(yaml.safe_load_all(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    assert {(d["kind"], d["metadata"]["name"]) for d in built} == set(objects())
    assert all(d["metadata"]["labels"]["app.kubernetes.io/part-of"] == "attune" for d in built)
