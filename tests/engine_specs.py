"""Engine specs for tests of what does not load the model."""

from pathlib import Path
from typing import Any

from evalboard.engine.spec import EngineSpec
from evalboard.settings import Settings
from evalboard.suites.loader import load_suite

REVISION = "0" * 40


def engine_folder(home: Path) -> Path:
    """Return the folder of a spec's engine, which is confined: it can write to no other."""
    folder = home / "work" / "compiled" / REVISION
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def engine_spec(
    home: Path, *, settings: dict[str, Any] | None = None, **changes: Any
) -> EngineSpec:
    """Return the spec of an engine whose files lie under `home`."""
    suite = load_suite("demo")
    fields: dict[str, Any] = {
        "name": f"engine-{home.name}",
        "model": "test/model",
        "revision": REVISION,
        "precision": "float32",
        "weight_type": "Original",
        "base_model": "",
        "use_chat_template": False,
        "suite": suite,
        "benchmarks": tuple(b.key for b in suite.benchmarks),
        "num_fewshot": None,
        "limit": None,
        "backend": "hf",
        "settings": Settings.model_validate({"home": home, "offline": True, **(settings or {})}),
        "log_file": engine_folder(home) / "engine.log",
    }
    return EngineSpec.model_validate(fields | changes)
