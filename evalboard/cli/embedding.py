"""The embedded default: Prefect's own server on SQLite and a local Ray, in this process tree."""

from evalboard.settings import Settings, environment_of, set_environment

STARTUP_SECONDS = 120


def embed(settings: Settings) -> None:
    """Prepare this process for flows. Call it before the import of Prefect.

    If `PREFECT_API_URL` names a server, that server is used. Otherwise Prefect starts its own
    server for the lifetime of this process, with its database under the project's home.
    """
    variables = environment_of(settings)
    variables["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"] = str(STARTUP_SECONDS)
    variables["DO_NOT_TRACK"] = "1"
    variables["PREFECT_LOGGING_LEVEL"] = "ERROR"
    if settings.prefect_api_url is None:
        prefect_home = (settings.home / "prefect").resolve()
        prefect_home.mkdir(parents=True, exist_ok=True)
        variables["PREFECT_HOME"] = str(prefect_home)
        variables["PREFECT_SERVER_MEMO_STORE_PATH"] = str(prefect_home / "memo_store.toml")
        variables["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
    else:
        variables["PREFECT_API_URL"] = settings.prefect_api_url
    set_environment(variables)
