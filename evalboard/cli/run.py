"""`evalboard run`: poll, evaluate and rebuild in this process, without a separate server."""

import argparse
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING

from evalboard.cli.embedding import embedded
from evalboard.cli.extras import require
from evalboard.cli.import_ahead import import_if_needed
from evalboard.cli.reporting import say, say_at_once
from evalboard.collecting import importing
from evalboard.engine.examining import examine_at_start, why_unfit
from evalboard.engine.placing import placement
from evalboard.errors import MachineUnfit
from evalboard.settings import Settings

if TYPE_CHECKING:
    from evalboard.queueing.reconcile import Correction


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """Evaluate the queue. Return 1 if a request failed, or if lost ones are all there is.

    Raises:
        MachineUnfit: This machine cannot run engines.
    """
    require("lm_eval", "prefect")
    _require_fit(examine_at_start(settings, tell=say_at_once))
    failed = False
    left = arguments.limit_requests
    unclear: list[Correction] = []

    def notice(found: "list[Correction]") -> None:
        nonlocal unclear
        if found != unclear:
            _tell_of_unclear(found)
        unclear = found

    is_one_at_a_time = settings.max_running in (None, 1)
    with (
        placement.one_run_at_a_time() if is_one_at_a_time else nullcontext(),
        placement.forked_engines(settings),
        embedded(settings) as await_server,
    ):
        import_if_needed(settings)  # beside the imports of this program
        with importing():
            from evalboard.cli.queue_round import PAUSE_SECONDS, work
            from evalboard.records.request import Status
        while True:
            ended = work(
                settings,
                at_most=left,
                await_server=await_server,
                on_unclear=notice,
                tell=say_at_once,
            )
            for path, status in ended:
                say(f"{status}: {path}")
            _require_fit(why_unfit(settings))
            failed = failed or any(status is Status.FAILED for _, status in ended)
            left = None if left is None else left - len(ended)
            if arguments.once or left == 0:
                return int(failed or (bool(unclear) and not ended))
            time.sleep(PAUSE_SECONDS)
            import_if_needed(settings)


def _tell_of_unclear(unclear: "list[Correction]") -> None:
    for path, _, who in unclear:
        say(f"{path} is RUNNING: {who}. This machine cannot see that run.", is_error=True)
    if unclear:
        say(
            "If such a run is gone, free its request with `evalboard requeue PATH`. If it is alive, "
            "there is nothing to do.",
            is_error=True,
        )


def _require_fit(why_not: str) -> None:
    if why_not:
        raise MachineUnfit(why_not)
