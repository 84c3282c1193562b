"""What a process that holds a model of a stranger can and cannot do. The processes are real."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evalboard.engine.environment import PACKAGE_FOLDER
from evalboard.engine.placing import placement
from evalboard.engine.placing.placement import EngineHandle
from evalboard.errors import EngineDied, EngineError
from evalboard.settings import Settings
from tests.engine_specs import engine_folder, engine_spec

pytestmark = pytest.mark.usefixtures("stand_in_engines")
SECRETS = {
    "HF_TOKEN": "hf_planted",
    "AWS_SECRET_ACCESS_KEY": "planted",
    "VLLM_API_KEY": "planted",
    "NCCL_PASSWORD": "planted",
    "EVALBOARD_HF_TOKEN": "hf_planted",
    "PREFECT_API_AUTH_STRING": "planted",
    "MY_LITTLE_SETTING": "planted",
}


@pytest.fixture(scope="module", params=["spawned", "forked"])
def _start(
    request: pytest.FixtureRequest,
    stand_in_engines: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[None]:
    """Let every process import its libraries, or be the fork of one that has imported them."""
    if request.param == "spawned":
        yield
        return
    settings = Settings.model_validate({"home": tmp_path_factory.mktemp("home"), "backend": "hf"})
    with placement.forked_engines(settings):
        yield


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, _start: None) -> Iterator[EngineHandle]:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    settings = {"backend": "hf", "models": tmp_path / "models", "hf_token": "hf_planted"}
    for name in ("model", "other"):
        (tmp_path / "models" / "test" / name).mkdir(parents=True)
        (tmp_path / "models" / "test" / name / "config.json").write_text("{}", encoding="utf-8")
    handle = EngineHandle(engine_spec(tmp_path, settings=settings, is_only_run=True))
    yield handle
    handle.close()


def call(engine: EngineHandle, method: str, *arguments: Any) -> Any:
    return engine.call(method, *arguments, timeout_seconds=120)


def refusal(engine: EngineHandle, method: str, *arguments: Any) -> str:
    with pytest.raises(EngineError) as caught:
        call(engine, method, *arguments)
    return caught.value.message


def test_it_has_no_variable_of_a_store_or_with_a_secret(engine: EngineHandle) -> None:
    variables = call(engine, "environment")
    assert "PATH" in variables
    assert not SECRETS.keys() & variables.keys()
    assert not any("planted" in value for value in variables.values())
    assert not any(name.startswith(("EVALBOARD_", "PREFECT_", "HF_TOKEN")) for name in variables)


def test_it_reads_its_model_and_no_other_file(engine: EngineHandle, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("planted", encoding="utf-8")
    assert call(engine, "read", str(tmp_path / "models" / "test" / "model" / "config.json")) == "{}"
    for path in (
        tmp_path / "secret",
        tmp_path / "models" / "test" / "other" / "config.json",
        Path("/etc/shadow"),
        Path("/proc/1/environ"),
        Path(f"/proc/{os.getpid()}/environ"),
        PACKAGE_FOLDER / "pyproject.toml",
    ):
        assert "PermissionError" in refusal(engine, "read", str(path)), path


def test_it_writes_only_where_nobody_else_reads(engine: EngineHandle, tmp_path: Path) -> None:
    call(engine, "write", str(engine_folder(tmp_path) / "kernel"))
    home = call(engine, "environment")["HOME"]
    call(engine, "write", f"{home}/temporary")
    for path in (
        tmp_path / "work" / "outcomes" / "forged.json",
        tmp_path / "work" / "answers" / "forged.jsonl",
        tmp_path / "work" / "compiled" / "other" / "kernel",
        Path.home() / ".cache" / "evalboard" / "kernel",
        tmp_path / "models" / "test" / "model" / "config.json",
        tmp_path / "forged",
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        assert "PermissionError" in refusal(engine, "write", str(path)), path


def test_it_has_its_own_loopback_and_no_other_network(engine: EngineHandle) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        socket.create_connection(("127.0.0.1", port)).close()  # it can be reached from here
        assert "ConnectionRefusedError" in refusal(engine, "connect", "127.0.0.1", port)
    assert "OSError" in refusal(engine, "connect", "192.0.2.1", 80)


def test_a_panic_of_native_code_is_an_error_with_the_model_and_ends_nothing(
    engine: EngineHandle,
) -> None:
    first = call(engine, "pid")
    message = refusal(engine, "panic")
    assert "test/model" in message
    assert "PanicException: retry-limit-in-match over" in message
    assert call(engine, "pid") == first


def test_an_abort_of_native_code_is_a_death_with_the_model(engine: EngineHandle) -> None:
    with pytest.raises(EngineDied, match="test/model.*SIGABRT"):
        call(engine, "abort")


def test_its_log_says_how_it_is_confined(engine: EngineHandle) -> None:
    call(engine, "pid")
    assert "This engine is fully confined." in engine.spec.log_file.read_text(encoding="utf-8")


def test_nothing_is_left_of_its_view(engine: EngineHandle, tmp_path: Path) -> None:
    home = Path(call(engine, "environment")["HOME"])
    views = tmp_path / "work" / "views"
    assert home.is_dir()
    assert len(list(views.iterdir())) == 1
    engine.close()
    assert not home.exists()
    assert list(views.iterdir()) == []


def test_a_mirror_of_questions_may_consist_of_links(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere" / "org"
    elsewhere.mkdir(parents=True)
    (elsewhere / "test.parquet").write_text("questions", encoding="utf-8")
    (tmp_path / "mirror" / "other").mkdir(parents=True)
    (tmp_path / "mirror" / "org").symlink_to(elsewhere)
    (tmp_path / "mirror" / "other" / "a.parquet").symlink_to(elsewhere / "test.parquet")
    settings = {"backend": "hf", "datasets": tmp_path / "mirror"}
    engine = EngineHandle(engine_spec(tmp_path, settings=settings, is_only_run=True))
    try:
        for path in ("org/test.parquet", "other/a.parquet"):
            assert call(engine, "read", str(tmp_path / "mirror" / path)) == "questions"
    finally:
        engine.close()
