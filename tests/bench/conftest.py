"""Material on the demo's questions, as it is where EVALBOARD_DATASETS is not set."""

from pathlib import Path

import pytest

from evalboard.bench.cases import Case
from evalboard.bench.material import Material, describe_material
from evalboard.settings import load_settings

MACHINE = {
    "platform": "Linux",
    "processor": "A Processor",
    "processors": 2,
    "memory_gib": 15.6,
    "gpus": [],
}


@pytest.fixture
def material(tmp_path: Path) -> Material:
    return describe_material(load_settings(), tmp_path, MACHINE)


@pytest.fixture
def case() -> Case:
    return Case("demo 5-shot", "demo", ("demo_anatomy", "demo_abstracts"), 5, 4, "15M")
