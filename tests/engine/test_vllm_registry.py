"""What vLLM finds out about a class of its models, without a process that imports vLLM anew."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

LOOK_UP = """
from vllm.model_executor.models import registry
from evalboard.engine.vllm_registry import look_up
registry._SUBPROCESS_COMMAND = ["false"]  # vLLM's own way
look_up(["LlamaForCausalLM", "UnheardOfForCausalLM"])
"""


@pytest.mark.slow
def test_vllm_looks_an_architecture_up_without_importing_itself_anew(tmp_path: Path) -> None:
    variables = os.environ | {"VLLM_CACHE_ROOT": str(tmp_path)}
    subprocess.run([sys.executable, "-c", LOOK_UP], env=variables, check=True, capture_output=True)
    (found,) = (tmp_path / "modelinfos").iterdir()
    assert found.name.endswith("LlamaForCausalLM.json")
