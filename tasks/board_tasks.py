"""Tasks that write the board and make the Space show it."""

from datetime import UTC, datetime

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from evalboard import publishing
from evalboard.errors import EvalboardError
from evalboard.space import show_on_space
from evalboard_prefect.tasks.settings import load_settings


@task(name="Publish queue", cache_policy=NO_CACHE)
def publish_queue(*, wait: bool = False) -> bool:
    """Write the queue file if it changed."""
    return publishing.publish_queue(load_settings(), wait=wait)


@task(name="Publish board", cache_policy=NO_CACHE)
def publish_board() -> bool:
    """Build the table and write it if it changed."""
    changed = publishing.publish_board(load_settings(), now=datetime.now(UTC))
    get_run_logger().info("board changed" if changed else "board unchanged")
    return changed


@task(name="Show board", cache_policy=NO_CACHE)
def show_board() -> None:
    """Wait until the Space shows the board. A Space that does not is not a failure of the build."""
    settings = load_settings()
    if not settings.space:
        return
    try:
        restarted = show_on_space(settings)
    except EvalboardError as exc:
        get_run_logger().error("%s", exc.message)
    else:
        get_run_logger().info(
            "%s shows the board%s", settings.space, ", restarted" if restarted else ""
        )
