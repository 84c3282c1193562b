from pathlib import Path

import pytest

from evalboard.errors import ConfigError
from evalboard.suites.loader import load_suite, shipped_suites
from evalboard.suites.reported import published_rows

SUITE = """
name: small
title: Small
reported: published.yaml
benchmarks:
  - {key: exam, title: Exam}
"""
ENTRY = "- {model: GPT-4, setting: 0-shot, source: A paper, link: 'https://x.org', percent: {exam: 69.52}}"


def write(folder: Path, published: str) -> str:
    (folder / "published.yaml").write_text(published, encoding="utf-8")
    (folder / "small.yaml").write_text(SUITE, encoding="utf-8")
    return str(folder / "small.yaml")


def test_open_medical_reports_whole_rows_with_sources() -> None:
    suite = load_suite("open-medical")
    rows = published_rows(suite)
    keys = {benchmark.key for benchmark in suite.benchmarks}
    assert {"GPT-4", "GPT-4-base", "Med-PaLM 2", "Flan-PaLM 540B"} == {row.model for row in rows}
    assert all(row.scores.keys() == keys for row in rows)
    assert all(row.setting and row.link.startswith("https://") for row in rows)
    assert len({(row.model, row.setting) for row in rows}) == len(rows)


def test_the_files_of_all_shipped_suites_are_right() -> None:
    assert sum(bool(published_rows(load_suite(name))) for name in shipped_suites()) >= 1


def test_percent_becomes_a_fraction(tmp_path: Path) -> None:
    (row,) = published_rows(load_suite(write(tmp_path, ENTRY)))
    assert row.scores["exam"].value == 0.6952
    assert row.kind == "published"


@pytest.mark.parametrize(
    ("published", "problem"),
    [
        (ENTRY.replace("exam", "other"), "'other', which suite 'small' does not have"),
        (ENTRY.replace("69.52", "101"), "less than or equal to 100"),
        (ENTRY.replace("https://x.org", "x.org"), "link"),
        (ENTRY.replace("source: A paper, ", ""), "source"),
        ("- {", "cannot be read"),
    ],
)
def test_a_file_that_is_wrong_is_refused(tmp_path: Path, published: str, problem: str) -> None:
    suite = load_suite(write(tmp_path, published))
    with pytest.raises(ConfigError, match=problem):
        published_rows(suite)
