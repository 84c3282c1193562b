"""The commands of README and docs: each is run by a test, or says why it is not."""

import argparse
import contextlib
import io
import re
from pathlib import Path

import pytest

from evalboard.cli import main
from evalboard.cli.arguments import VERBS, command_line
from evalboard.records.request import BoardBlock, Failure, RequestRecord
from evalboard.settings import IN_FILE, Settings, load_settings, reference_table
from evalboard.stores.addresses import open_archive
from evalboard.suites.loader import load_suite
from tests.docs.documented import (
    NOT_RUN,
    PAGES,
    ROOT,
    RUN_BY,
    Block,
    blocks,
    blocks_of,
    inline_code,
    words_of,
)
from tests.result_documents import result_document
from tests.signing import put_signed

HERE = "tests/docs/test_commands.py"
RUN_HERE = sorted({block.page for block in blocks() if HERE in block.mark})
REVISION = "3f2a" * 10


def test_every_block_says_its_language() -> None:
    assert [block.place for block in blocks() if not block.language] == []


def test_every_block_of_commands_is_run_by_a_test_or_says_why_not() -> None:
    shells = [block for block in blocks() if block.language in ("sh", "bash", "console")]
    assert len(shells) > 20
    assert [block.place for block in shells if not _is_accounted_for(block)] == []


def _is_accounted_for(block: Block) -> bool:
    run_by = RUN_BY.fullmatch(block.mark)
    if not run_by:
        return bool(NOT_RUN.fullmatch(block.mark))
    test = ROOT / run_by[1]
    return test.is_file() and (not run_by[2] or f"def {run_by[2]}(" in test.read_text("utf-8"))


def test_every_command_has_words_that_the_command_line_takes() -> None:
    """A text can name a verb without its arguments; a block of commands cannot."""
    printed = [
        command
        for block in blocks()
        for command in block.commands
        if block.language == "sh" or command.startswith("$ ")
    ]
    named = [code for page in PAGES for code in inline_code(page)]
    parser = command_line()
    problems = [_problem(parser, command) for command in printed]
    problems += [p for p in (_problem(parser, c) for c in named) if "are required:" not in p]
    assert len(problems) > 200
    assert set(problems) == {""}


def _problem(parser: argparse.ArgumentParser, command: str) -> str:
    """Return what the command line says of a command that it does not take."""
    words = words_of(command) if re.search(r"\bevalboard [a-z]", command) else []
    said = io.StringIO()
    if words and Path(words[0]).name == "evalboard":
        with contextlib.redirect_stderr(said), contextlib.suppress(SystemExit):
            parser.parse_args(words[1:])
    return said.getvalue()


def test_every_verb_that_a_text_names_exists() -> None:
    texts = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    named = set(re.findall(r"`evalboard ([a-z][a-z-]*)", texts))
    assert named - set(VERBS) == set()


def test_every_target_of_make_is_in_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    targets = set(re.findall(r"(?:^|`)make ([a-z][a-z-]+)", text, re.MULTILINE))
    assert "demo" in targets
    assert {name for name in targets if f"\n{name}:" not in makefile} == set()


def test_every_variable_of_ours_is_a_setting() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    named = set(re.findall(r"\bEVALBOARD_[A-Z_]*[A-Z]", text))
    settings = set(re.findall(r"EVALBOARD_\w+", reference_table()))
    assert {name.removesuffix(IN_FILE) for name in named} - settings == set()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An installation with one model, as the pages name it: a result and a request."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVALBOARD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("EVALBOARD_OFFLINE", "true")
    monkeypatch.setenv("EVALBOARD_SUITE", "demo")
    settings = load_settings()
    benchmark = load_suite("demo").benchmarks[0]
    document = result_document(
        {benchmark.task_name: {benchmark.metric: 0.5}},
        n=8,
        fewshot=benchmark.num_fewshot,
        config={"model_name": "ORG/MODEL", "model_sha": REVISION, "model_dtype": "bfloat16"},
        suite="demo",
        benchmark_keys={benchmark.key: "key"},
        dataset_fingerprints={benchmark.key: "print"},
    )
    open_archive(settings).add(document, {})
    put_signed(
        settings,
        RequestRecord(
            model="ORG/MODEL",
            precision="bfloat16",
            revision=REVISION,
            evalboard=BoardBlock(failure=Failure(code="load_failed", message="Broken.")),
        ),
    )
    assert main(["board", "build"]) == 0
    return settings


@pytest.mark.parametrize("page", RUN_HERE, ids=lambda page: page.stem)
def test_the_commands_of_a_page_run_as_printed(
    page: Path, home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for block in blocks_of(page):
        if block.file:
            Path(block.file).write_text(block.content, encoding="utf-8")
        for command in block.commands if HERE in block.mark else ():
            with monkeypatch.context() as environment:
                for setting in re.findall(r"^(EVALBOARD_\w+)=(\S+) ", command):
                    environment.setenv(*setting)
                assert main(words_of(command)[1:]) == 0, f"{block.place}: {command}"
