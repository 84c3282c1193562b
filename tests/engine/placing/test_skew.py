import pytest

from evalboard.engine.placing.skew import require_same, versions_here
from evalboard.errors import MachineUnfit


def test_an_engine_starts_only_where_the_versions_are_the_same() -> None:
    here = versions_here("vllm")
    assert {"evalboard", "lm_eval", "torch", "transformers"} < here.keys()
    require_same(here, versions_here("vllm"), "node-1")
    old = {name: found for name, found in here.items() if name != "lm_eval"} | {"torch": "2.0"}
    with pytest.raises(
        MachineUnfit, match=r"'node-1'.*lm_eval none instead of.*torch 2\.0 instead"
    ):
        require_same(here, old, "node-1")
