import json
import sys
from pathlib import Path
from typing import Any

import pytest

from evalboard.records.request import ModelType, Precision, WeightType
from evalboard.settings import Settings
from evalboard.stores.opening import open_store
from leaderboard_app.app import make_viewer
from leaderboard_app.pages import Viewer
from leaderboard_app.submit_page import AS_STORED, check_outcome, read_form, submit_outcome

CARD = """---
license: apache-2.0
---
# A tiny model

Made to test the form of a leaderboard. It was trained on nothing, it knows nothing, and it is of no
use for anything else than to pass the checks that need no weights to be loaded. Its only purpose is
to be submitted, and then to wait in a queue that nobody reads.
"""
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "torch_dtype": "bfloat16",
    "vocab_size": 8,
    "hidden_size": 4,
    "intermediate_size": 8,
    "num_hidden_layers": 0,
    "num_attention_heads": 1,
}


def form(model: str, **changes: Any) -> tuple[Any, ...]:
    """Return the form's answers as it sends them when only `changes` were touched."""
    answers = {
        "model": model,
        "revision": "main",
        "precision": AS_STORED,
        "weight_type": "Original",
        "base_model": "",
        "model_type": "unknown",
        "chat": False,
        "sender": "",
    }
    return tuple((answers | changes).values())


@pytest.fixture
def viewer(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Viewer:
    """A viewer on a machine that has the viewer alone, with a folder of models."""
    monkeypatch.setitem(sys.modules, "transformers", None)
    return make_viewer(settings.model_copy(update={"models": tmp_path / "models"}))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The folder of `org/model`, which passes the checks of such a machine."""
    folder = tmp_path / "models" / "org" / "model"
    folder.mkdir(parents=True)
    tensor = {"dtype": "BF16", "shape": [8, 4], "data_offsets": [0, 64]}
    header = json.dumps({"model.embed_tokens.weight": tensor}).encode()
    (folder / "model.safetensors").write_bytes(
        len(header).to_bytes(8, "little") + header + bytes(64)
    )
    (folder / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    (folder / "tokenizer.json").write_text("{}", encoding="utf-8")
    (folder / "README.md").write_text(CARD, encoding="utf-8")
    return folder


def pending(viewer: Viewer) -> list[str]:
    store = open_store(viewer.settings.store_address("requests"), viewer.settings)
    return sorted(store.snapshot().files)


def test_an_untouched_form_asks_for_what_is_stored() -> None:
    submission = read_form(form("  org/model "))
    assert (submission.model, submission.revision) == ("org/model", "main")
    assert submission.precision is None
    assert submission.weight_type is WeightType.ORIGINAL


def test_reads_every_field() -> None:
    submission = read_form(
        form(
            "org/model",
            revision=" v2 ",
            precision="4bit",
            weight_type="Adapter",
            base_model=" org/base ",
            model_type="chat",
            chat=True,
            sender=" lab ",
        )
    )
    assert submission.revision == "v2"
    assert submission.precision is Precision.INT4
    assert submission.weight_type is WeightType.ADAPTER
    assert submission.base_model == "org/base"
    assert submission.model_type is ModelType.CHAT
    assert submission.use_chat_template
    assert submission.sender == "lab"


def test_a_base_model_left_in_the_hidden_field_is_not_sent() -> None:
    assert read_form(form("org/model", base_model="org/base")).base_model == ""


def test_check_lists_findings_and_submits_nothing(viewer: Viewer, model: Path) -> None:
    (model / "README.md").unlink()
    page = check_outcome(viewer, form("org/model"))
    assert "This model cannot be evaluated yet" in page
    assert '<span class="level">error</span>' in page
    assert page.index('class="error"') < page.index('class="info"')
    assert pending(viewer) == []


def test_submit_puts_a_good_model_into_the_queue_once(viewer: Viewer, model: Path) -> None:
    page = submit_outcome(viewer, form("org/model", sender="lab"))
    assert "Submitted" in page
    assert 'href="queue"' in page
    (path,) = pending(viewer)
    assert path.startswith("org/model_eval_request_False_bfloat16_Original_")
    again = submit_outcome(viewer, form("org/model"))
    assert "Not possible" in again
    assert "org/model" in again
    assert pending(viewer) == [path]


def test_submit_refuses_a_bad_model_with_the_report(viewer: Viewer, model: Path) -> None:
    (model / "model.safetensors").unlink()
    page = submit_outcome(viewer, form("org/model"))
    assert "Not submitted" in page
    assert "safetensors" in page
    assert pending(viewer) == []


@pytest.mark.parametrize("name", ["", "no-organisation", "../../etc/passwd", "no/such"])
def test_a_name_that_is_no_model_says_what_to_do(name: str, viewer: Viewer) -> None:
    page = submit_outcome(viewer, form(name))
    assert '<span class="level">error</span>' in page
    assert "Traceback" not in page
    assert pending(viewer) == []


def test_escapes_what_was_typed(viewer: Viewer, hostile_name: str) -> None:
    page = check_outcome(viewer, form(hostile_name))
    assert "<img" not in page
    assert "&lt;img" in page
