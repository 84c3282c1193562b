"""What is asked of a model's thinking reaches the engine, the document's command, and the queue."""

import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from evalboard.attempt.closing import model_config, reproduce_command
from evalboard.attempt.opening import open_attempt
from evalboard.cli.arguments import command_line
from evalboard.cli.submission_arguments import make, submission_fields
from evalboard.demo.models import make_random_model
from evalboard.identity import submission_identity
from evalboard.intake.request_files import check_request, is_checked
from evalboard.intake.submission import EvaluationRequest
from evalboard.records.precision import Precision
from evalboard.records.request import RequestRecord
from evalboard.settings import Settings
from tests.engine_facts import FACTS

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
TEMPLATE = (
    "{% for message in messages %}{{ message.content }}{% endfor %}"
    "{% if not enable_thinking %}<think></think>{% endif %}"
)
ASKED: dict[str, Any] = {"use_chat_template": True, "enable_thinking": True}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    make_random_model(folder / "test" / "thinker")
    template = folder / "test" / "thinker" / "chat_template.jinja"
    template.write_text(TEMPLATE, encoding="utf-8")
    return folder


@pytest.fixture
def settings(models: Path, tmp_path: Path) -> Settings:
    return Settings.model_validate(
        {"home": tmp_path, "models": models, "offline": True, "suite": "demo"}
    )


def test_from_the_request_to_the_engine_and_the_command(settings: Settings) -> None:
    request = EvaluationRequest(model="test/thinker", precision=Precision.FLOAT32, **ASKED)
    attempt = open_attempt(request, settings, run_id="one", run_url="", now=NOW)
    assert attempt.request_path is not None
    assert "_chat_think_" in attempt.request_path
    assert attempt.engine.enable_thinking
    assert attempt.engine.think_end_token == "</think>"
    config = model_config(attempt.record, FACTS)
    assert (config.enable_thinking, config.think_end_token) == (True, "</think>")

    words = shlex.split(reproduce_command(attempt))
    fields = submission_fields(command_line().parse_args(words[1:]), sender="")
    again: EvaluationRequest = make(EvaluationRequest, fields)
    assert submission_identity(again, "demo") == submission_identity(attempt.record.choice, "demo")


def test_the_poll_finds_the_end_of_the_thinking_of_a_file(settings: Settings) -> None:
    record = RequestRecord(model="test/thinker", precision="float32", **ASKED)
    checked = check_request(record, settings).record
    assert checked.think_end_token == "</think>"
    assert is_checked(checked)
    assert not is_checked(checked.model_copy(update={"think_end_token": ""}))
