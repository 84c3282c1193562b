"""Load models with vLLM, one after the other; run by the tests in a process of its own.

    on_vllm.py OUTPUT FOLDER…

Writes for each folder the log-likelihoods of the tests' questions, or how loading failed.
"""

import json
import sys
from pathlib import Path
from typing import Any

from evalboard.engine.environment import environment
from evalboard.errors import EngineError
from evalboard.process_environment import set_environment

if __name__ == "__main__":
    set_environment(environment(device="cpu", cpu_kv_cache_gib=1, offline=True))
    sys.path.insert(0, str(Path(__file__).parent))
    from conftest import answers  # pyright: ignore[reportMissingImports]

    from evalboard.engine.loading.loader import LoadArguments, load_model

    found: list[Any] = []
    for folder in sys.argv[2:]:
        arguments = LoadArguments(
            backend="vllm",
            weights=Path(folder),
            precision="float32",
            device="cpu",
            max_length=256,
            max_num_seqs=4,
        )
        try:
            found.append(answers(load_model(arguments)))
        except EngineError as exc:
            found.append([exc.code, exc.message])
    Path(sys.argv[1]).write_text(json.dumps(found), encoding="utf-8")
