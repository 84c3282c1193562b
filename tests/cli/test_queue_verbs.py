"""`status`, `requeue`, `cancel`, `prioritise` and `backfill`, as a person at a terminal uses them."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from evalboard.cli import main
from evalboard.cli.queue_table import status_table
from evalboard.records.board_files import QUEUE_FILE, BenchmarkProgress, QueueEntry
from evalboard.records.request import BoardBlock, Failure, RequestRecord, Status
from evalboard.settings import Settings
from evalboard.stores.addresses import open_archive, open_board, open_queue, open_store
from evalboard.stores.protocol import Write
from evalboard.stores.work import WorkFolder
from tests.result_documents import result_document
from tests.signing import put_signed

Capture = pytest.CaptureFixture[str]


def put(settings: Settings, model: str, status: Status = Status.PENDING, **fields: Any) -> str:
    block = BoardBlock.model_validate(fields.pop("block", {}))
    record = RequestRecord(
        model=model,
        status=status,
        revision="a" * 40,
        submitted_time="2026-11-20T10:00:00Z",
        evalboard=block,
        **fields,
    )
    return put_signed(settings, record)


def get(settings: Settings, path: str) -> RequestRecord:
    return open_queue(settings).get(path)


def published(settings: Settings) -> dict[str, str]:
    content = open_board(settings).snapshot().read(QUEUE_FILE)
    return {entry["request"]: entry["status"] for entry in json.loads(content)}


def test_an_empty_queue_says_so(settings: Settings, capsys: Capture) -> None:
    Path(settings.store_address("requests")).mkdir(parents=True)
    assert main(["status"]) == 0
    assert capsys.readouterr().out == "The queue is empty.\n"
    assert main(["status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_a_queue_that_is_not_there_is_not_called_empty(settings: Settings, capsys: Capture) -> None:
    assert main(["status"]) == 0
    said = capsys.readouterr().out
    assert "There is no queue" in said
    assert settings.store_address("requests") in said
    assert "is empty" not in said


def test_a_request_is_named_by_its_file_whatever_the_name(
    settings: Settings, capsys: Capture
) -> None:
    record = RequestRecord(model="org/model", revision="a" * 40, status=Status.FINISHED)
    put_signed(settings, record, "org/by-another-program.json")
    assert main(["cancel", "org/model"]) == 1
    said = capsys.readouterr().err
    assert "org/by-another-program.json" in said
    assert record.path not in said


def test_status_shows_who_waits_and_what_failed_and_why(
    settings: Settings, capsys: Capture
) -> None:
    failure = Failure(code="load_failed", message="The weights are broken.")
    put(settings, "org/waits", sender="a lab")
    put(settings, "org/failed", Status.FAILED, block={"failure": failure, "attempts": 2})
    running = put(settings, "org/runs", Status.RUNNING)
    progress = BenchmarkProgress(state="running", done=50, total=100, per_second=0.5)
    WorkFolder(settings.work_folder).note_progress(running, "demo", progress)
    settings.prefect_folder.mkdir()
    (settings.prefect_folder / "prefect.db").write_bytes(bytes(3 * 2**20))
    (settings.prefect_folder / "prefect.db-wal").write_bytes(bytes(2**20))
    assert main(["status"]) == 0
    out = capsys.readouterr().out
    for text in ("org/waits", "a lab", "FAILED ×2", "load_failed: The weights", "▶ 0/1", "1 min"):
        assert text in out
    assert "Prefect's database: 4 MiB." in " ".join(out.split())


@pytest.mark.parametrize("second", ["open-medical", "open-medical-cot"])
def test_status_names_the_suites_where_there_are_several(second: str) -> None:
    entries = [
        QueueEntry(
            request=suite, model="org/m", sha8="1", precision="4bit", suite=suite, status="PENDING"
        )
        for suite in ("open-medical", second)
    ]
    table = status_table(entries, now=datetime(2026, 11, 21, tzinfo=UTC))
    heads = [column.header for column in table.columns]
    assert ("suite" in heads) == (second != "open-medical")
    assert len(table.rows) == 2


def test_status_as_json_is_the_queue_as_it_is_now(settings: Settings, capsys: Capture) -> None:
    path = put(settings, "org/model", sender="Somebody")
    put(settings, "org/other", sender="Another")
    for arguments in (["ORG/model"], [path], ["--sender", "somebody"]):
        assert main(["status", "--json", *arguments]) == 0
        (entry,) = json.loads(capsys.readouterr().out)
        assert (entry["request"], entry["status"]) == (path, "PENDING")
        assert entry["position"] is not None


def test_a_model_that_is_not_there_is_a_failure(settings: Settings, capsys: Capture) -> None:
    put(settings, "org/model")
    assert main(["status", "org/nothing", "--json"]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out) == []
    assert "No request matches" in err


def test_requests_are_started_again_put_first_and_cancelled(
    settings: Settings, capsys: Capture
) -> None:
    path = put(settings, "org/model", Status.FAILED)
    assert main(["requeue", "org/model"]) == 0
    assert get(settings, path).status is Status.PENDING
    assert main(["prioritise", "7", "org/model"]) == 0
    assert get(settings, path).evalboard.priority == 7
    assert main(["prioritise", "-2", path]) == 0
    assert get(settings, path).evalboard.priority == -2
    assert main(["cancel", "org/model", "--revision", "aaaa"]) == 0
    assert get(settings, path).status is Status.CANCELLED
    assert published(settings) == {path: "CANCELLED"}
    assert capsys.readouterr().out.splitlines() == [
        f"{path}: PENDING",
        f"{path}: PENDING, priority 7",
        f"{path}: PENDING, priority -2",
        f"{path}: CANCELLED, priority -2",
    ]


def test_of_requests_for_several_suites_the_named_one_is_changed(
    settings: Settings, capsys: Capture
) -> None:
    paths = {suite: f"org/{suite}.json" for suite in ("open-medical", "open-medical-cot")}
    for suite, path in paths.items():
        block = BoardBlock(suite=suite)
        record = RequestRecord(model="org/model", revision="a" * 40, evalboard=block)
        put_signed(settings, record, path)
    assert main(["cancel", "org/model"]) == 2
    assert "a suite" in capsys.readouterr().err
    assert main(["cancel", "org/model", "--suite", "open-medical-cot"]) == 0
    assert get(settings, paths["open-medical-cot"]).status is Status.CANCELLED
    assert get(settings, paths["open-medical"]).status is Status.PENDING


def test_what_cannot_be_done_is_said_and_the_rest_is_done(
    settings: Settings, capsys: Capture
) -> None:
    good, done = put(settings, "org/a"), put(settings, "org/b", Status.FINISHED)
    assert main(["cancel", "org/a", "org/b", "--json"]) == 1
    first, second = json.loads(capsys.readouterr().out)
    assert (first["request"], first["status"], first["problem"]) == (good, "CANCELLED", "")
    assert (second["request"], second["status"]) == (done, None)
    assert "FINISHED" in second["problem"]
    assert main(["requeue", "org/b"]) == 1
    assert "FINISHED" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["requeue", "org/modle"], ["cancel", "org/modle"], ["prioritise", "1", "x"]]
)
def test_an_unknown_name_is_wrong_usage(
    arguments: list[str], settings: Settings, capsys: Capture
) -> None:
    put(settings, "org/model", Status.FAILED)
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert arguments[-1] in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments", [["cancel"], ["prioritise", "org/model"], ["status", "a", "b"]]
)
def test_wrong_words_are_wrong_usage(arguments: list[str], capsys: Capture) -> None:
    with pytest.raises(SystemExit) as exc:
        main(arguments)
    assert exc.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("more", [[], ["--dry-run"], ["org/model", "--dry-run"]])
def test_requeue_wants_requests_or_outdated_rows(more: list[str], capsys: Capture) -> None:
    assert main(["requeue", *more]) == 2
    assert "use --outdated" in capsys.readouterr().err


ANSI = "\x1b]0;PWNED\x07\x1b[31mred\x1b[2J"
BIDI = "\u202egnp.exe\u2066\u200f"
MARKUP = "[bold]x[/] [link=http://evil.example]click[/link]"
LINES = "one\ntwo\rthree\u2028four\x85five\x0bsix"


@pytest.mark.parametrize("evil", [ANSI, BIDI, MARKUP, LINES, "\x9b31m\x00\x7f", "a" * 10_000])
@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("is_signed", [True, False])
def test_a_terminal_obeys_nothing_that_a_stranger_wrote(
    is_signed: bool, status: Status, evil: str, settings: Settings, capsys: Capture
) -> None:
    failure = {"code": evil, "message": evil, "log_tail": evil, "run_url": evil}
    history = [{"status": status, "time": evil, "reason": evil}]
    record = RequestRecord.model_validate(
        {
            "model": f"org/{evil}",
            "revision": evil,
            "precision": evil,
            "status": status,
            "sender": evil,
            "model_type": evil,
            "evalboard": {"failure": failure, "history": history, "suite": evil},
        }
    )
    if is_signed:
        put_signed(settings, record, "x/a.json")
    else:
        store = open_store(settings.store_address("requests"), settings)
        store.commit([Write("x/a.json", record.to_json())], message="a stranger")
    assert main(["status"]) == 0
    for verb in (["requeue"], ["cancel"], ["prioritise", "1"]):
        main([*verb, "x/a.json"])
        main([*verb, f"org/{evil}"])
    out, err = capsys.readouterr()
    assert status in out
    for line in (out + err).split("\n"):
        assert line.isprintable()
    assert evil != MARKUP or "[bold]" in out


def test_backfill_lists_what_is_missing_and_then_puts_it_back(
    settings: Settings, capsys: Capture
) -> None:
    path = put(settings, "org/model", Status.FINISHED)
    document = result_document(
        {"demo_anatomy": {"acc,none": 0.5}}, n=2, suite="demo", benchmark_keys={}
    )
    open_archive(settings).add(document, {})
    lacks = ["demo_pharmacology", "demo_abstracts"]
    assert main(["backfill", "--dry-run", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["benchmarks"], found["request"], found["problem"]) == (lacks, path, "")
    assert get(settings, path).status is Status.FINISHED
    assert main(["backfill", "--benchmarks", "demo_abstracts"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "Put back: 1 model for 1 score."
    assert get(settings, path).evalboard.benchmarks == ("demo_abstracts",)
    assert published(settings) == {path: "PENDING"}
    assert main(["backfill", "--benchmarks", "nonsense"]) == 2
