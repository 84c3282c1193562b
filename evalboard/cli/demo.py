"""`evalboard demo`: the whole pipeline on tiny models, which are built first."""

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from rich.live import Live

from evalboard.cli.board import draw_board
from evalboard.cli.embedding import embedded
from evalboard.cli.extras import require
from evalboard.cli.import_ahead import import_if_needed
from evalboard.cli.queue_table import queue_table
from evalboard.cli.reporting import console, print_report, say_at_once, say_nothing, stage
from evalboard.identity import request_identity
from evalboard.publishing import publish_queue
from evalboard.records.precision import Precision
from evalboard.records.report import Report
from evalboard.records.request import BoardBlock, HistoryEntry, ModelType, RequestRecord, Status
from evalboard.records.times import timestamp
from evalboard.repositories import find_repository
from evalboard.services import address_of, listen
from evalboard.settings import Settings
from evalboard.stores.addresses import open_board, open_queue
from evalboard.stores.board import read_board, read_queue

REFRESH_SECONDS = 0.5
# Loading a tiny model is mostly imports, which use one core: two engines load side by side.
ENGINE_SLOTS = 2
TYPES = {
    "demo/random-llama": ModelType.PRETRAINED,
    "demo/random-gpt2": ModelType.PRETRAINED,
    "demo/trained-llama": ModelType.PRETRAINED,
    "demo/smollm2-135m-instruct": ModelType.CHAT,
}


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """Build models, submit them, evaluate the queue, and serve the board."""
    require("lm_eval", "prefect", "torch", *(() if arguments.no_serve else ("gradio",)))
    started = time.monotonic()
    settings = demo_settings(settings, arguments.folder)
    listener = None
    if not arguments.no_serve:
        listener = listen(settings.viewer_host, settings.viewer_port, setting="EVALBOARD_VIEWER")
    with embedded(settings) as await_server:
        with stage("Building tiny models …") as tell:
            models = _make_material(settings, tell, with_real=arguments.real)
        _submit(models, settings)
        _work_with_table(settings, await_server)
        _show_rejections(settings)
        _show_board(settings)
    console.print(f"The demo took {time.monotonic() - started:.0f} s.")
    if listener:
        from leaderboard_app.app import serve

        console.print(f"The board is at {address_of(listener)} (stop with Ctrl-C).")
        serve(settings, listener)
    return 0


def demo_settings(settings: Settings, folder: Path) -> Settings:
    """Return settings that keep everything in one folder and never contact the Hub."""
    folder = folder.resolve()
    return settings.model_copy(
        update={
            "home": folder,
            "requests": "",
            "results": "",
            "board": "",
            "work": folder / "work",
            "suite": "demo",
            "datasets": folder / "datasets",
            "models": folder / "models",
            "offline": True,
            "engine_slots": ENGINE_SLOTS,
            "max_running": ENGINE_SLOTS,
            "sender": "demo",
        }
    )


def _make_material(
    settings: Settings, on_progress: Callable[[str], object], *, with_real: bool
) -> list[str]:
    from evalboard.demo.models import make_demo_models
    from evalboard.demo.questions import write_datasets

    assert settings.datasets is not None
    assert settings.models is not None
    write_datasets(settings.datasets)
    return make_demo_models(settings.models, settings.datasets, on_progress, with_real=with_real)


def _submit(models: list[str], settings: Settings) -> None:
    """Add request files to the queue without a check, as another program might."""
    queue = open_queue(settings)
    now = timestamp(datetime.now(UTC))
    for model in models:
        record = RequestRecord(
            model=model,
            revision=find_repository(model, "main", settings).revision,
            precision=Precision.FLOAT32,
            submitted_time=now,
            model_type=TYPES.get(model, ModelType.UNKNOWN),
            sender=settings.sender,
            evalboard=BoardBlock(
                suite=settings.suite,
                history=(HistoryEntry(status=Status.PENDING, time=now, reason="submitted"),),
            ),
        )
        if queue.find(request_identity(record)) is None:
            queue.add(record)
    publish_queue(settings)


def _work_with_table(settings: Settings, await_server: Callable[[], None]) -> None:
    """Evaluate the queue in a thread, and show the queue meanwhile."""
    import_if_needed(settings)
    from evalboard.cli.queue_round import work

    board = open_board(settings)
    with ThreadPoolExecutor(1) as threads, Live(console=console, auto_refresh=False) as live:
        tell = say_nothing if console.is_terminal else say_at_once
        working = threads.submit(work, settings, await_server=await_server, tell=tell)
        while True:
            ended = working.done()
            live.update(queue_table(read_queue(board)), refresh=True)
            if ended:
                break
            time.sleep(REFRESH_SECONDS)
        working.result()


def _show_rejections(settings: Settings) -> None:
    queue = open_queue(settings)
    for entry in queue.entries():
        if entry.record and entry.record.status is Status.REJECTED:
            print_report(Report.model_validate(entry.record.evalboard.report))


def _show_board(settings: Settings) -> None:
    console.print(draw_board(read_board(open_board(settings))))
