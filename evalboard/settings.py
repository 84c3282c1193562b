"""The one tree of settings: environment variables with the prefix `EVALBOARD_`.

Entry points call `load_settings()` and pass the settings on. Only this module and
`evalboard.process_environment`, which passes settings to processes, read the environment (enforced by
ruff TID251). `python -m evalboard.settings` prints the reference table of `docs/settings.md`.
"""

import os
from datetime import timedelta
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from evalboard.backends import VLLM, find_backend
from evalboard.errors import ConfigError
from evalboard.wording import plain

PREFIX = "EVALBOARD_"
IN_FILE = "_FILE"
"""End of the name of a variable that names a file with a secret."""
IN_A_FILE = "With `_FILE` after its name, the variable names a file that contains the secret."
FORK_SERVER = f"{PREFIX}FORK_SERVER"
"""No setting, but where a program that engines are forked from tells its address to those below it."""
LONGEST_PAUSE_MINUTES = 7 * 24 * 60
SHORTEST_KEY = 32
"""Limit in characters. A shorter key could be guessed."""


class Settings(BaseSettings):
    """Locations, the board, and the resources of an engine."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,  # compose files and CI write an empty text for "not set"
        hide_input_in_errors=True,  # it can be a secret
        frozen=True,
        extra="ignore",
        populate_by_name=True,
    )

    home: Path = Field(
        Path("evalboard-data"), description="Folder that contains the stores below by default."
    )
    requests: str = Field(
        "",
        description="Requests store: a folder, or `hf://datasets/{org}/{name}`. "
        "Default `{home}/requests`.",
        validate_default=True,
    )
    results: str = Field(
        "",
        description="Results store: a folder, or `hf://datasets/{org}/{name}`. "
        "Default `{home}/results`.",
    )
    board: str = Field(
        "",
        description="Board store: a folder, or `hf://datasets/{org}/{name}`. "
        "Default `{home}/board`.",
    )
    work: Path = Field(
        Path(),
        description="Folder for the finished benchmarks of unfinished runs. Default `{home}/work`.",
    )
    suite: str = Field(
        "open-medical",
        description="Suite of the first board: the name of a shipped suite, or the path of a YAML "
        "file. A submission without a suite means this one.",
    )
    suites: str = Field(
        "",
        description="Suites of further boards, separated by commas: names of shipped suites, or paths "
        "of YAML files. A request names a suite by the `name` in its file, never by a path.",
    )
    signing_key: SecretStr | None = Field(
        None,
        description="Secret with which this installation signs requests, at least "
        f"{SHORTEST_KEY} characters. All machines that evaluate the requests of one store need the "
        "same one. Default: made at the first use, in `{home}/signing/key`.",
    )
    datasets: Path | None = Field(
        None,
        description="Folder that mirrors datasets: `{repo}/{config or default}/{split}.parquet`. "
        "Files in it take precedence over the Hub.",
    )
    models: Path | None = Field(
        None,
        description="Folder that mirrors models: `{org}/{name}/`. Models in it take precedence "
        "over the Hub.",
    )
    anchors: str = Field(
        "",
        description="Rows that `evalboard upgrade-check` asks again, separated by commas: models, with "
        "`@revision` and precision where they have several rows. Default: for each old version, small "
        "models spread over the scores of the board.",
    )
    offline: bool = Field(False, description="Never contact the Hugging Face Hub.")
    model_cache_gib: float | None = Field(
        None,
        gt=0,
        description="Limit in GiB for downloaded and merged models on this machine. Before a "
        "download, models that were used longest ago are deleted to keep to it. Default: nothing is "
        "deleted.",
    )
    closed_models: bool = Field(
        False,
        description="Also evaluate private and gated models that the token can read. Nobody else "
        "can verify their scores.",
    )
    hub_endpoint: str | None = Field(
        None,
        description="Address of a server that implements the Hub's API. Default: the public Hub.",
        validation_alias=AliasChoices("EVALBOARD_HUB_ENDPOINT", "HF_ENDPOINT"),
    )
    hf_token: SecretStr | None = Field(
        None,
        description="Token for the Hugging Face Hub.",
        validation_alias=AliasChoices("EVALBOARD_HF_TOKEN", "HF_TOKEN"),
    )
    space: str = Field(
        "",
        description="Space on the Hub that shows the board, `org/name`. After each change of the "
        "board the Space is checked, and restarted if it still shows the old one.",
    )
    hub_folder: Path | None = Field(
        None,
        description="Folder for local copies of stores on the Hub: files read earlier, and changes "
        "not yet sent. Default `{home}/hub`.",
    )
    hub_commits_per_hour: int = Field(
        100,
        ge=1,
        description="Limit of commits per hour from this machine to one store on the Hub. The Hub "
        "allows 128, shared by all machines. Changes made at the same time become one commit.",
    )
    backend: str = Field(VLLM.name, description="Library that runs the models.")
    engine_slots: int | None = Field(
        None,
        ge=1,
        description="Number of engines that run at the same time. Default: one on a CPU, GPUs / "
        "tensor_parallel on GPUs. A model gets several engines while no other model waits for one.",
    )
    tensor_parallel: int | None = Field(
        None, ge=1, description="Number of GPUs per engine. Default: the fewest that fit the model."
    )
    gpu_memory_gib: float | None = Field(
        None,
        gt=0,
        description="Memory of one GPU in GiB, used to choose the number of GPUs. Default: read "
        "from the GPUs.",
    )
    gpu_memory_fraction: float = Field(
        0.9,
        gt=0,
        le=1,
        description="Fraction of a GPU's memory that vLLM uses, above 0 and at most 1.",
    )
    cpu_kv_cache_gib: int = Field(
        1, ge=1, description="Memory in GiB for the KV cache of an engine on a CPU."
    )
    max_model_length: int | None = Field(
        None,
        ge=16,
        description="Maximum context length in tokens. Default: the model's own. Longer prompts "
        "are truncated on the left, as in lm_eval.",
    )
    check_finite: bool = Field(
        False,
        description="Read all weights once before loading, and refuse a model with infinite or NaN "
        "values.",
    )
    engine_start_timeout_seconds: int = Field(
        1800,
        ge=1,
        description="Time limit in seconds for an engine to read the questions, and to load the "
        "model.",
    )
    engine_idle_seconds: int = Field(
        60,
        ge=0,
        description="Time in seconds that an engine stays after its model under `evalboard run` and "
        "`evalboard up`. If the next model differs only in the values of its weights, they are loaded "
        "in place. 0: every model gets an engine of its own.",
    )
    fork_engines: bool = Field(
        True,
        description="Import the libraries once for all engines of `evalboard run` or `evalboard up`, "
        "in a process of which they are forks. `false`: every engine imports them itself, and none "
        "stays after its model.",
    )
    engine_place_timeout_seconds: int = Field(
        86400,
        ge=1,
        description="Time limit in seconds for an engine to wait for free GPUs, and for the "
        "files of its model.",
    )
    benchmark_timeout_seconds: int = Field(
        86400, ge=1, description="Time limit in seconds for one benchmark of one model."
    )
    max_running: int | None = Field(
        None,
        ge=1,
        description="Number of evaluations in progress at the same time under one Prefect server. "
        "Default: the number of engines.",
    )
    submissions_per_week: int | None = Field(
        None,
        ge=0,
        description="Number of submissions per sender in seven days. Rejected submissions do not "
        "count. Default: no limit.",
    )
    submission_exceptions: str = Field(
        "",
        description="Limits for individual senders, separated by commas: `name=n` or "
        "`name=unlimited`.",
    )
    denied: str = Field(
        "",
        description="Refused models, organisations and senders, separated by commas: `org/model`, "
        "`org/*`, `name`. Case is ignored.",
    )
    denied_file: Path | None = Field(
        None,
        description="File with further refused models, organisations and senders, one per line. "
        "Lines that start with # are comments.",
    )
    retry_pauses: str = Field(
        "1, 5",
        description="Minutes to wait before the second attempt, the third attempt, and so on, "
        "after a failure that may be temporary. After the last attempt the request waits for a "
        "person. `none`: every failure waits for a person.",
    )
    ray_address: str | None = Field(
        None,
        description="Address of a Ray cluster. Default: Ray is started on this machine.",
        validation_alias=AliasChoices("EVALBOARD_RAY_ADDRESS", "RAY_ADDRESS"),
    )
    ray_dashboard_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="Port of this machine, for this machine only, at which a Ray that evalboard starts "
        "shows its dashboard, and under `/api/prometheus/sd` says to Prometheus where its metrics are. "
        "Default: none, which saves nine processes.",
    )
    prefect_api_url: str | None = Field(
        None,
        description="API of a Prefect server that runs already, such as "
        "`http://127.0.0.1:4200/api`. Default (or `none`): `evalboard up`, `run` and `demo` start "
        "their own.",
        validation_alias=AliasChoices("EVALBOARD_PREFECT_API_URL", "PREFECT_API_URL"),
    )
    prefect_ui_url: str | None = Field(
        None,
        description="Address under which browsers find the pages of the Prefect server, for the "
        "board's links to runs. Default: the API's address without `/api`.",
        validation_alias=AliasChoices("EVALBOARD_PREFECT_UI_URL", "PREFECT_UI_URL"),
    )
    worker_health_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="Port of this machine at whose `/health` the worker says whether it still asks the "
        "Prefect server for runs, with 200 or 503. Default: none.",
    )
    viewer_host: str = Field("127.0.0.1", description="Address that the viewer listens on.")
    viewer_port: int = Field(7860, ge=0, le=65535, description="Port of the viewer.")
    viewer_root_path: str = Field(
        "",
        description="Path prefix under which a proxy serves the viewer, such as `/board`, if the "
        "proxy strips it from requests.",
        pattern=r"^(/[A-Za-z0-9._~-]+)*$",
    )
    viewer_address: str = Field(
        "",
        description="Public address of the viewer, such as `https://board.example.org/lab`. The "
        "previews of links, feeds and badges contain it. Default: that of the request if "
        "EVALBOARD_VIEWER_HOSTS allows only known names, otherwise no page contains an address.",
        pattern=r"^(https?://[^\s/?#]+(/[A-Za-z0-9._~-]+)*/?)?$",
    )
    viewer_hosts: str = Field(
        "",
        description="Names under which readers reach the viewer, such as `board.example.org`, "
        "separated by commas. A request for another name is refused. Default: any name; no page "
        "contains it.",
    )
    viewer_proxies: str = Field(
        "127.0.0.1, ::1",
        description="Addresses and networks of the proxies in front of the viewer, separated by "
        "commas. The viewer believes `X-Forwarded-For` and `X-Forwarded-Proto` only from them, and "
        "limits a proxy's readers instead of the proxy. `*`: every address.",
    )
    viewer_user_header: str = Field(
        "",
        description="Header in which those proxies name the user who is logged in, such as "
        "`X-Forwarded-User`. With it, only they submit, each under that name. The proxy must set or "
        "remove the header of every request. Default: everybody submits under any name.",
        pattern=r"^[A-Za-z0-9-]*$",
    )
    viewer_connections: int = Field(
        1000,
        ge=10,
        description="Number of open connections to the viewer, at most half of the files that its "
        "process may open. The oldest one that keeps the viewer waiting gives way to a new one.",
    )
    viewer_connections_per_address: int = Field(
        100,
        ge=2,
        description="Number of open connections, and of simultaneous requests, of one address (of "
        "an IPv6 network /64).",
    )
    viewer_submissions_per_address: int = Field(
        20,
        ge=0,
        description="Number of submissions in 24 hours from one address (an IPv6 network /64) with "
        "the form, if people do not log in.",
    )
    viewer_submissions: int = Field(
        200,
        ge=0,
        description="Number of submissions in 24 hours with the form, if people do not log in.",
    )
    server_port: int = Field(
        4200, ge=1, le=65535, description="Port of the Prefect server that `evalboard up` starts."
    )
    server_host: str = Field(
        "127.0.0.1", description="Address that the Prefect server of `evalboard up` listens on."
    )
    server_addresses: str = Field(
        "",
        description="Addresses under which browsers and workers reach the Prefect server, beside "
        "IP addresses and `localhost`, separated by commas: `https://prefect.example.org`. The "
        "server refuses requests to other names and from the pages of other sites.",
    )
    server_password: SecretStr | None = Field(
        None,
        description="Password of the Prefect server, as `name:password`, for the server and for "
        "everything that calls it. Default: no password.",
        validation_alias=AliasChoices("EVALBOARD_SERVER_PASSWORD", "PREFECT_API_AUTH_STRING"),
    )
    log_format: Literal["text", "json"] = Field(
        "text",
        description="`json`: every log line is a JSON object with `run`, `model` and `benchmark`.",
    )
    log_to: Literal["files", "output"] = Field(
        "files",
        description="Where `evalboard up` and `evalboard worker` log what they start: `files` in "
        "`{home}/logs`, or their own `output`, for systemd and containers.",
    )
    log_file_mib: int = Field(
        50,
        ge=1,
        description="Size in MiB at which such a file becomes `{name}.log.1`, in place of an earlier "
        "one.",
    )
    silence_minutes: int = Field(
        45,
        ge=1,
        description="Number of minutes without a poll of the queue after which `evalboard health` and "
        "the viewer's `health/ready` fail. The schedule polls every quarter of an hour.",
    )
    alert_models: int = Field(
        100,
        ge=1,
        description="Number of completed evaluations after which a notification is sent, if the "
        "Prefect server has a notification block `evalboard-alerts`.",
    )
    keep_runs_days: int = Field(
        30,
        ge=1,
        description="Number of days for which the Prefect server keeps finished runs with their logs. "
        "The board needs none of them.",
    )
    sender: str = Field("", description="Default sender of submissions from this machine.")

    @field_validator("datasets", "models", "denied_file", "hub_folder")
    @classmethod
    def _absolute_folder(cls, folder: Path | None) -> Path | None:
        """Make paths absolute, because engines may run in another folder."""
        return folder.resolve() if folder else None

    @field_validator("prefect_api_url")
    @classmethod
    def _server_if_any(cls, url: str | None) -> str | None:
        return None if url == "none" else url

    @field_validator("backend")
    @classmethod
    def _known_backend(cls, name: str) -> str:
        return find_backend(name).name

    @field_validator("viewer_proxies")
    @classmethod
    def _networks(cls, text: str) -> str:
        for word in listed_words(text):
            if word != "*":
                ip_network(word, strict=False)
        return text

    @field_validator("suites")
    @classmethod
    def _absolute_files(cls, text: str) -> str:
        """Make paths absolute, because flows may run in another folder. Names stay names."""
        words = listed_words(text)
        return ", ".join(str(Path(w).resolve()) if Path(w).suffix else w for w in words)

    @field_validator("signing_key")
    @classmethod
    def _long_enough(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and len(key.get_secret_value().strip()) < SHORTEST_KEY:
            raise ValueError(f"it must have at least {SHORTEST_KEY} characters")
        return key

    @field_validator("submission_exceptions")
    @classmethod
    def _names_and_numbers(cls, text: str) -> str:
        _allowances(text)
        return text

    @field_validator("server_addresses")
    @classmethod
    def _addresses(cls, text: str) -> str:
        _origins(text)
        return text

    @field_validator("retry_pauses")
    @classmethod
    def _minutes(cls, text: str) -> str:
        _pauses(text)
        return text

    @property
    def token(self) -> str | None:
        """The Hub's token in plain text, for the Hub's client."""
        return self.hf_token.get_secret_value() if self.hf_token else None

    @property
    def gpu_memory_bytes(self) -> int:
        """Memory of one GPU in bytes, 0 if it is to be read from the GPUs."""
        return round((self.gpu_memory_gib or 0) * 2**30)

    @property
    def model_cache_bytes(self) -> int | None:
        """Limit in bytes for the models on this machine, None if there is none."""
        return None if self.model_cache_gib is None else round(self.model_cache_gib * 2**30)

    @property
    def trusted_proxies(self) -> tuple[str, ...]:
        """Addresses and networks of proxies, `*` for every address."""
        return tuple(listed_words(self.viewer_proxies))

    @property
    def allowances(self) -> dict[str, int | None]:
        """Limits of submissions in seven days, by sender in lower case. None means no limit."""
        return _allowances(self.submission_exceptions)

    @property
    def server_origins(self) -> tuple[str, ...]:
        """Addresses of the Prefect server as browsers write them: scheme, name and port."""
        return _origins(self.server_addresses)

    @property
    def pauses(self) -> tuple[timedelta, ...]:
        """Pauses before the second attempt, the third attempt, and so on."""
        return _pauses(self.retry_pauses)

    def without_secrets(self) -> Self:
        """Return the settings for a process that must not know the secrets."""
        secret = [name for name, value in self if isinstance(value, SecretStr)]
        return self.model_copy(update=dict.fromkeys(secret))

    def store_address(self, name: Literal["requests", "results", "board"]) -> str:
        """Return the folder or address of a store. The default is a folder under `home`."""
        return getattr(self, name) or str(self.home / name)

    @property
    def hub_state_folder(self) -> Path:
        """Folder for local copies of stores on the Hub."""
        return (self.hub_folder or self.home / "hub").resolve()

    @property
    def signing_folder(self) -> Path:
        """Folder of the key, and of what this installation remembers about its stores."""
        return (self.home / "signing").resolve()

    @property
    def prefect_folder(self) -> Path:
        """Folder of the Prefect servers that are started here, with their database."""
        return (self.home / "prefect").resolve()

    @property
    def work_folder(self) -> Path:
        """Folder of unfinished runs."""
        return self.home / "work" if self.work == Path() else self.work


def listed_words(text: str) -> list[str]:
    """Return the comma-separated words of a setting, without empty ones."""
    return [word.strip() for word in text.split(",") if word.strip()]


def _allowances(text: str) -> dict[str, int | None]:
    allowances: dict[str, int | None] = {}
    for word in listed_words(text):
        name, _, number = (part.strip() for part in word.rpartition("="))
        if not name or not (number == "unlimited" or number.isdecimal()):
            raise ValueError(f"{word!r} is not of the form name=number or name=unlimited")
        allowances[name.casefold()] = None if number == "unlimited" else int(number)
    return allowances


def _pauses(text: str) -> tuple[timedelta, ...]:
    minutes = [float(word) for word in listed_words(text) if word != "none"]
    if not all(0 <= minute <= LONGEST_PAUSE_MINUTES for minute in minutes):
        raise ValueError(f"a pause must be from 0 to {LONGEST_PAUSE_MINUTES} minutes")
    return tuple(timedelta(minutes=minute) for minute in minutes)


def _origins(text: str) -> tuple[str, ...]:
    return tuple(_origin(word) for word in listed_words(text))


def _origin(address: str) -> str:
    parts = urlsplit(address.lower())
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
        raise ValueError(f"{address!r} is not of the form https://name or http://name:port")
    port = "" if parts.port in (None, {"http": 80, "https": 443}[parts.scheme]) else parts.port
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{name}{port and f':{port}'}"


def load_settings() -> Settings:
    """Read the settings from the environment.

    A secret can be in a file: `HF_TOKEN_FILE` names the file that contains `HF_TOKEN`. A variable that
    contains the secret itself comes first.

    Raises:
        ConfigError: A variable has a value that its setting does not allow, or a name that no
            setting has, or it names a file that cannot be read.
    """
    _check_names()
    try:
        return Settings(**_secrets_in_files())
    except ValidationError as exc:
        first = exc.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        variable = name if name.startswith(PREFIX) else PREFIX + name
        value = "its value" if _is_secret(variable) else repr(first["input"])
        raise ConfigError(
            f"Setting {variable} cannot be {value}: {first['msg']}. Correct the variable."
        ) from exc


def _secrets_in_files() -> dict[str, Any]:
    """Return the secrets that files contain, as arguments of `Settings`."""
    found: dict[str, Any] = {}
    for name, field in Settings.model_fields.items():
        variables = _variables(name, field)
        if field.annotation != SecretStr | None or any(v in os.environ for v in variables):
            continue
        for variable in variables:
            if file := os.environ.get(variable + IN_FILE):
                found[variable if field.validation_alias else name] = _content(variable, file)
    return found


def _content(variable: str, file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(
            f"Setting {variable}{IN_FILE} names {file!r}, which cannot be read: {exc}. Correct the "
            "variable."
        ) from exc


def _check_names() -> None:
    """Find names that no setting has. Their values would be ignored without a word.

    Raises:
        ConfigError: There is such a variable.
    """
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    known |= {name + IN_FILE for name in known if _is_secret(name)}
    names = {name for name in os.environ if name.upper().startswith(PREFIX)} - {FORK_SERVER}
    for variable in sorted(names):
        if variable.upper() not in known:
            nearest = get_close_matches(variable.upper(), known, n=1, cutoff=0)[0]
            raise ConfigError(
                f"There is no setting {plain(variable, 100)}. The nearest one is {nearest}. Correct "
                "the variable, or unset it."
            )


def _is_secret(variable: str) -> bool:
    return any(
        field.annotation == SecretStr | None and variable in _variables(name, field)
        for name, field in Settings.model_fields.items()
    )


def _variables(name: str, field: FieldInfo) -> list[str]:
    """Return the environment variables of a setting."""
    alias = field.validation_alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [PREFIX + name.upper()]
    return [str(choice) for choice in choices]


def reference_table() -> str:
    """Return the settings as a Markdown table: variable, default, meaning."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        variable = " or ".join(f"`{known}`" for known in _variables(name, field))
        default = "" if field.default in (None, "", Path()) else f"`{field.default}`"
        in_file = f" {IN_A_FILE}" if field.annotation == SecretStr | None else ""
        rows.append(f"| {variable} | {default} | {field.description}{in_file} |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(reference_table())  # noqa: T201 - the module's output when run as a program
