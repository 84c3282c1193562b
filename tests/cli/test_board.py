import json
import re
from pathlib import Path
from typing import Any

import pytest

from evalboard.cli import main
from evalboard.records.result import ResultDocument
from evalboard.settings import Settings
from evalboard.stores.addresses import open_archive, open_board, open_store
from evalboard.stores.protocol import Write
from evalboard.stores.results import ResultsArchive
from evalboard.suites.loader import load_suite
from tests.result_documents import result_document


def document(score: float, *, suite: str = "demo") -> ResultDocument:
    """Return the results of a model with one score on a suite's first benchmark."""
    benchmarks = load_suite(suite).benchmarks
    benchmark = benchmarks[0]
    return result_document(
        {benchmark.task_name: {benchmark.metric: score}},
        n=8,
        fewshot=benchmark.num_fewshot,
        suite=suite,
        benchmark_keys={benchmark.key: "key"},
        dataset_fingerprints={benchmark.key: "print"},
    )


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    assert main(["board", "show", "--json", *arguments]) == 0
    return json.loads(capsys.readouterr().out)


def test_without_a_board_showing_it_says_how_to_build_one(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["board", "show"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert settings.store_address("board") in err
    assert "evalboard board build" in err
    assert err.count("\n") == 1


def test_empty_stores_give_an_empty_board(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["board", "build"]) == 0
    assert capsys.readouterr().out.endswith(": written\n")
    files = open_board(settings).snapshot().files
    assert set(files) == {"answers.bin", "board.json", "board.parquet", "queue.json"}
    assert shown(capsys) == []
    assert main(["board", "build"]) == 0
    assert capsys.readouterr().out.endswith(": unchanged\n")


def test_each_suite_of_the_settings_has_a_board_of_its_own(
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("EVALBOARD_SUITES", "open-llm-v1")
    open_archive(settings).add(document(0.625), {})
    open_archive(settings).add(document(0.25, suite="open-llm-v1"), {})
    assert main(["board", "build"]) == 0
    assert "open-llm-v1" in capsys.readouterr().out
    (row,) = shown(capsys)
    assert row[load_suite("demo").benchmarks[0].key] == 0.625
    (other,) = shown(capsys, "--suite", "open-llm-v1")
    assert other[load_suite("open-llm-v1").benchmarks[0].key] == 0.25
    file = tmp_path / "board.md"
    assert main(["board", "export", "--suite", "open-llm-v1", str(file)]) == 0
    assert "25.0" in file.read_text(encoding="utf-8")
    assert main(["board", "show", "--suite", "medical-es"]) == 2
    assert "Use one of demo, open-llm-v1" in capsys.readouterr().err


def test_a_board_shows_the_difference_to_the_suite_that_it_is_compared_with(
    capsys: pytest.CaptureFixture[str],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    first = load_suite("demo").benchmarks[0]
    (tmp_path / "words.yaml").write_text(
        "name: words\ntitle: Words\ncompared_with: demo\nbenchmarks:\n"
        f"  - {{key: words, task: {first.task_name}, title: W, compared_with: {first.key}}}\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("EVALBOARD_SUITES", str(tmp_path / "words.yaml"))
    archive = open_archive(settings)
    archive.add(document(0.625), {})
    other = document(0.75)
    block = other.evalboard.model_copy(update={"suite": "words"})
    archive.add(other.model_copy(update={"evalboard": block}), {})
    assert main(["board", "build"]) == 0
    capsys.readouterr()
    (row,) = shown(capsys, "--suite", "words")
    assert row["words__points_over_loglikelihood"] == 12.5


def test_results_become_rows(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    open_archive(settings).add(document(0.625), {})
    assert main(["board", "build"]) == 0
    capsys.readouterr()
    (row,) = shown(capsys)
    key = load_suite("demo").benchmarks[0].key
    assert (row["model"], row[key], row["complete"]) == ("org/model", 0.625, False)
    assert main(["board", "show"]) == 0
    table = capsys.readouterr().out
    assert "62.5" in table
    assert "org/" in table


def test_odd_files_in_the_stores_do_not_stop_the_board(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    requests = open_store(settings.store_address("requests"), settings)
    requests.commit([Write("org/corrupt.json", b"{")], message="by hand")
    results = open_store(settings.store_address("results"), settings)
    results.commit([Write("org/corrupt.json", b"{")], message="by hand")
    ResultsArchive(results).add(document(0.5), {})
    board = open_board(settings)
    board.commit([Write("board.json", b"{")], message="by hand")
    assert main(["board", "build"]) == 0
    capsys.readouterr()
    assert len(shown(capsys)) == 1


def test_a_row_without_a_rank_has_no_number(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    open_archive(settings).add(document(0.625), {})
    assert main(["board", "build"]) == 0
    assert main(["board", "show"]) == 0
    assert re.search(r"│ +— │ org/model", capsys.readouterr().out)


def test_the_board_is_exported_into_a_file_of_the_format_that_its_ending_says(
    settings: Settings, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    open_archive(settings).add(document(0.625), {})
    assert main(["board", "build"]) == 0
    capsys.readouterr()
    assert main(["board", "export", str(tmp_path / "board.md")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'board.md'}: written\n"
    assert "| org/model |" in (tmp_path / "board.md").read_text(encoding="utf-8")
    assert main(["board", "export", str(tmp_path / "absent" / "board.tex")]) == 2
    assert "cannot be written: No such file or directory." in capsys.readouterr().err
