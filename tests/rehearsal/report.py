"""A rehearsal as a page of the documentation."""

import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from evalboard.records.request import RequestRecord
from evalboard.records.times import timestamp
from tests.rehearsal.story import Happening

MARK = "<!-- `make rehearsal` writes what follows. -->"


def write_report(
    path: Path,
    happenings: Sequence[Happening],
    requests: Mapping[str, RequestRecord],
    violations: Sequence[str],
) -> None:
    """Replace the last rehearsal at the end of a Markdown file."""
    before, mark, _ = path.read_text(encoding="utf-8").partition(MARK)
    parts = [f"{before}{mark}", _about(happenings), _story(happenings), _requests(requests)]
    parts.append(_verdict(violations))
    path.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _about(happenings: Sequence[Happening]) -> str:
    minutes = happenings[-1].seconds / 60 if happenings else 0
    memory = psutil.virtual_memory().total / 2**30
    machine = f"{os.cpu_count()} × {platform.machine()}, {memory:.1f} GiB"
    return f"Last run: `make rehearsal`, {timestamp()}, {machine}, {minutes:.0f} minutes."


def _story(happenings: Sequence[Happening]) -> str:
    lines = ["| second | what happened | then |", "| ---: | --- | --- |"]
    lines += [f"| {one.seconds:.0f} | {one.what} | {one.then} |" for one in happenings]
    return "\n".join(lines)


def _requests(requests: Mapping[str, RequestRecord]) -> str:
    lines = [
        "| model | end | attempts | of them lost | failed |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    for model, record in sorted(requests.items()):
        block = record.evalboard
        counts = f"{block.attempts} | {block.lost_runs} | {block.failed_attempts}"
        failure = f", `{block.failure.code}`" if block.failure else ""
        lines.append(f"| {model} | {record.status}{failure} | {counts} |")
    return "\n".join(lines)


def _verdict(violations: Sequence[str]) -> str:
    if not violations:
        return "**No violations.**"
    return "\n".join(
        [f"**{len(violations)} violations:**", "", *(f"- {one}" for one in violations)]
    )
