import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from evalboard.errors import ConfigError
from evalboard.process_environment import child_environment, environment_of, relative_folders
from evalboard.settings import Settings, load_settings, reference_table

REPOSITORY = Path(__file__).parents[1]
# Prints what a child process finds, secrets in the clear.
SHOW = """
import json
from evalboard.settings import load_settings
settings = load_settings()
secrets = {
    name: getattr(settings, name).get_secret_value() if getattr(settings, name) else None
    for name in ("hf_token", "server_password", "signing_key")
}
print(json.dumps(settings.model_dump(mode="json") | secrets))
"""


def seen_by_a_child(settings: Settings, folder: Path) -> dict[str, object]:
    """Load the settings in another process that works in another folder."""
    variables = child_environment(settings, PYTHONPATH=str(REPOSITORY))
    done = subprocess.run(
        [sys.executable, "-c", SHOW],
        env=variables,
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_nothing_has_to_be_set() -> None:
    settings = load_settings()
    assert settings == Settings.model_validate({})
    assert settings.store_address("requests") == "evalboard-data/requests"
    assert settings.work_folder == Path("evalboard-data/work")


def test_every_setting_reaches_a_child_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    values = {
        "home": "home",
        "requests": "hf://datasets/org/requests",
        "results": "results",
        "work": "work",
        "suite": "suite.yaml",
        "datasets": "datasets",
        "models": "models",
        "anchors": "org/model",
        "offline": True,
        "model_cache_gib": 200.0,
        "closed_models": True,
        "check_finite": True,
        "hub_endpoint": "http://127.0.0.1:1",
        "hf_token": "secret",
        "suites": "a.yaml, b.yaml",
        "signing_key": "k" * 40,
        "hub_folder": "hub",
        "hub_commits_per_hour": 50,
        "space": "org/board",
        "backend": "hf",
        "engine_slots": 3,
        "tensor_parallel": 2,
        "gpu_memory_gib": 80.0,
        "gpu_memory_fraction": 0.5,
        "cpu_kv_cache_gib": 4,
        "max_model_length": 1024,
        "engine_start_timeout_seconds": 60,
        "engine_idle_seconds": 59,
        "fork_engines": False,
        "engine_place_timeout_seconds": 62,
        "benchmark_timeout_seconds": 61,
        "max_running": 5,
        "submissions_per_week": 4,
        "submission_exceptions": "a lab = 30, Ünï=unlimited",
        "denied": "org/*, somebody",
        "denied_file": "denied.txt",
        "retry_pauses": "0.5, 3",
        "ray_address": "127.0.0.1:6379",
        "ray_dashboard_port": 8265,
        "prefect_api_url": "http://127.0.0.1:4300/api",
        "prefect_ui_url": "https://prefect.example.org",
        "viewer_host": "0.0.0.0",
        "viewer_port": 7861,
        "viewer_root_path": "/board",
        "viewer_address": "https://board.example/board",
        "viewer_user_header": "X-Forwarded-User",
        "viewer_hosts": "board.example, localhost:7860",
        "viewer_proxies": "10.0.0.0/8, ::1",
        "viewer_connections": 50,
        "viewer_connections_per_address": 5,
        "viewer_submissions_per_address": 3,
        "viewer_submissions": 30,
        "server_port": 4300,
        "server_host": "0.0.0.0",
        "server_addresses": "https://Prefect.example.org:443/, http://server:4200",
        "server_password": "admin:secret",
        "log_format": "json",
        "log_to": "output",
        "log_file_mib": 5,
        "silence_minutes": 15,
        "alert_models": 10,
        "keep_runs_days": 7,
        "worker_health_port": 4301,
        "sender": "a lab = Ünï",
    }
    assert Settings.model_fields.keys() - values == {"board"}
    absolute = {
        name: str(tmp_path / str(values[name]))
        for name in (
            "home",
            "results",
            "work",
            "suite",
            "datasets",
            "models",
            "denied_file",
            "hub_folder",
        )
    }
    further = {"suites": f"{tmp_path / 'a.yaml'}, {tmp_path / 'b.yaml'}"}
    expected = values | absolute | further | {"board": str(tmp_path / "home" / "board")}
    (tmp_path / "elsewhere").mkdir()
    settings = Settings.model_validate(values)
    assert seen_by_a_child(settings, tmp_path / "elsewhere") == expected


def test_what_is_not_set_stays_unset_in_a_child_process(tmp_path: Path) -> None:
    settings = Settings.model_validate({"home": tmp_path})
    seen = seen_by_a_child(settings, tmp_path)
    folders = {name: str(tmp_path / name) for name in ("requests", "results", "board", "work")}
    assert seen == settings.model_dump(mode="json") | folders


def test_a_shipped_suite_is_handed_on_by_its_name() -> None:
    variables = environment_of(Settings.model_validate({"suite": "demo"}))
    assert variables["EVALBOARD_SUITE"] == "demo"


def test_a_secret_is_shown_nowhere() -> None:
    secrets = {"hf_token": "secret", "server_password": "a:secret", "signing_key": "secret" * 6}
    settings = Settings.model_validate(secrets)
    assert "secret" not in f"{settings!r} {settings.model_dump_json()}"


def test_a_signing_key_that_is_too_short_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALBOARD_SIGNING_KEY", "hunter2")
    with pytest.raises(ConfigError, match="EVALBOARD_SIGNING_KEY.*at least 32") as caught:
        load_settings()
    assert "hunter2" not in f"{caught.value} {caught.value.__cause__}"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("EVALBOARD_ENGINE_SLOTS", "many"),
        ("EVALBOARD_ENGINE_SLOTS", "0"),
        ("EVALBOARD_OFFLINE", "perhaps"),
        ("EVALBOARD_BACKEND", "sglang"),
        ("EVALBOARD_GPU_MEMORY_FRACTION", "90"),
        ("EVALBOARD_VIEWER_PORT", "70000"),
        ("EVALBOARD_SUBMISSIONS_PER_WEEK", "-1"),
        ("EVALBOARD_SUBMISSION_EXCEPTIONS", "somebody"),
        ("EVALBOARD_SUBMISSION_EXCEPTIONS", "somebody=many"),
        ("EVALBOARD_SUBMISSION_EXCEPTIONS", "=3"),
        ("EVALBOARD_SERVER_ADDRESSES", "prefect.example.org"),
        ("EVALBOARD_SERVER_ADDRESSES", "http://server:port"),
        ("EVALBOARD_SERVER_ADDRESSES", "https://example.org/prefect"),
        ("EVALBOARD_RETRY_PAUSES", "soon"),
        ("EVALBOARD_RETRY_PAUSES", "-1"),
        ("EVALBOARD_RETRY_PAUSES", "nan"),
    ],
)
def test_a_bad_value_names_its_variable(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError, match=f"{variable} .*'{value}'"):
        load_settings()


@pytest.mark.parametrize("name", Settings.model_fields)
def test_an_empty_variable_is_not_set(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = load_settings()
    monkeypatch.setenv(f"EVALBOARD_{name.upper()}", "")
    assert load_settings() == before


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("EVALBOARD_HUB_ENDPOINT", "HF_ENDPOINT"),
        ("EVALBOARD_HF_TOKEN", "HF_TOKEN"),
        ("EVALBOARD_RAY_ADDRESS", "RAY_ADDRESS"),
        ("EVALBOARD_PREFECT_API_URL", "PREFECT_API_URL"),
        ("EVALBOARD_PREFECT_UI_URL", "PREFECT_UI_URL"),
        ("EVALBOARD_SERVER_PASSWORD", "PREFECT_API_AUTH_STRING"),
    ],
)
def test_names_of_others_are_read_and_ours_come_first(
    ours: str, theirs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = ours.removeprefix("EVALBOARD_").lower()
    for variable, value in ((theirs, "theirs"), (ours, "ours")):
        monkeypatch.setenv(variable, value)
        found = getattr(load_settings(), name)
        assert (found.get_secret_value() if isinstance(found, SecretStr) else found) == value


def test_a_child_keeps_the_rest_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER", "kept")
    variables = child_environment(load_settings(), EVALBOARD_SENDER="me")
    assert (variables["OTHER"], variables["EVALBOARD_SENDER"]) == ("kept", "me")
    assert "EVALBOARD_SENDER" not in os.environ


def test_folders_of_libraries_are_those_of_the_user_in_a_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HOME", "huggingface")
    assert child_environment(load_settings())["HF_HOME"] == str(tmp_path / "huggingface")


@pytest.mark.parametrize(
    ("variables", "relative"),
    [
        ({}, ["HOME", "WORK", "REQUESTS", "RESULTS", "BOARD"]),
        ({"HOME": "/data"}, []),
        ({"HOME": "/data", "BOARD": "board", "SUITE": "my.yaml"}, ["SUITE", "BOARD"]),
        ({"HOME": "/data", "BOARD": "hf://datasets/org/board", "SUITE": "/my.yaml"}, []),
    ],
)
def test_folders_that_depend_on_the_working_directory_are_named(
    variables: dict[str, str], relative: list[str]
) -> None:
    settings = Settings.model_validate({k.lower(): v for k, v in variables.items()})
    assert relative_folders(settings) == [f"EVALBOARD_{name}" for name in relative]


def test_the_module_prints_the_reference() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "evalboard.settings"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{reference_table()}\n"


@pytest.mark.parametrize("text", ["proxy.example", "10.0.0.0/99", "127.0.0.1;::1"])
def test_a_proxy_is_an_address_or_a_network(text: str) -> None:
    with pytest.raises(ValidationError, match="viewer_proxies"):
        Settings.model_validate({"viewer_proxies": text})


def test_what_single_senders_may_submit() -> None:
    settings = Settings.model_validate({"submission_exceptions": "A = b=3, Nobody=0,c=unlimited,"})
    assert settings.allowances == {"a = b": 3, "nobody": 0, "c": None}


@pytest.mark.parametrize(
    ("text", "minutes"), [("1, 5", [1, 5]), ("0.5", [0.5]), ("none", []), ("0,0,25", [0, 0, 25])]
)
def test_pauses_are_minutes(text: str, minutes: list[float]) -> None:
    settings = Settings.model_validate({"retry_pauses": text})
    assert [pause.total_seconds() / 60 for pause in settings.pauses] == minutes


def test_no_server_is_named_where_prefect_is_told_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:8123/api")
    monkeypatch.setenv("EVALBOARD_PREFECT_API_URL", "none")
    assert load_settings().prefect_api_url is None


def test_addresses_of_the_server_are_origins() -> None:
    text = "https://Prefect.example.org:443/, http://server:4200 ,http://[::1]:4200"
    settings = Settings.model_validate({"server_addresses": text})
    assert settings.server_origins == (
        "https://prefect.example.org",
        "http://server:4200",
        "http://[::1]:4200",
    )


def test_a_name_that_no_setting_has_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALBOARD_SUIT", "open-llm-v1")
    with pytest.raises(ConfigError, match="no setting EVALBOARD_SUIT. .* EVALBOARD_SUITE"):
        load_settings()


def test_the_environment_of_a_process_has_only_names_of_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment_of(load_settings()).items():
        monkeypatch.setenv(name, value)
    load_settings()


def test_a_secret_can_be_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_TOKEN", "EVALBOARD_SIGNING_KEY", "PREFECT_API_AUTH_STRING"):
        file = tmp_path / name
        file.write_text(f"name:{'x' * 40}\n", encoding="utf-8")
        monkeypatch.setenv(f"{name}_FILE", str(file))
    settings = load_settings()
    secrets = (settings.hf_token, settings.signing_key, settings.server_password)
    assert [each and each.get_secret_value() for each in secrets] == [f"name:{'x' * 40}"] * 3
    assert seen_by_a_child(settings, tmp_path)["hf_token"] == f"name:{'x' * 40}"
    monkeypatch.setenv("HF_TOKEN", "from the variable")
    assert load_settings().token == "from the variable"


def test_a_file_with_a_secret_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN_FILE", "/nowhere")
    with pytest.raises(ConfigError, match="HF_TOKEN_FILE names '/nowhere', which cannot be read"):
        load_settings()
