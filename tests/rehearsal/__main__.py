"""The rehearsal of a year's accidents, which `make rehearsal` runs."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests import postgresql
from tests.rehearsal.checking import of_ends, of_health, of_work
from tests.rehearsal.installation import Installation
from tests.rehearsal.material import (
    Models,
    choose,
    expected_scores,
    write_models,
    write_questions,
)
from tests.rehearsal.report import write_report
from tests.rehearsal.story import Story
from tests.rehearsal.strikes import STRIKES, Strike
from tests.rehearsal.watching import PATIENCE_MINUTES, Watch


def main() -> int:
    """Rehearse; return 1 when anything was violated."""
    parser = argparse.ArgumentParser(prog="python -m tests.rehearsal", description=__doc__)
    parser.add_argument("--report", type=Path, help="Markdown file whose last part is replaced")
    parser.add_argument("--folder", type=Path, help="new folder for everything, which then stays")
    parser.add_argument(
        "--strikes", nargs="*", choices=STRIKES, default=list(STRIKES), help="some of them only"
    )
    parser.add_argument("--models", type=int, help="so many models, none of them broken")
    parser.add_argument(
        "--patience",
        type=float,
        default=PATIENCE_MINUTES,
        help="minutes without any change after which it ends; a busy machine needs more",
    )
    asked = parser.parse_args()
    programs = postgresql.find_programs()
    if programs is None:
        sys.exit("PostgreSQL is not installed (Debian: apt-get install postgresql).")
    with tempfile.TemporaryDirectory(prefix="evalboard-rehearsal-") as passing:
        folder = (asked.folder or Path(passing)).resolve()
        folder.mkdir(exist_ok=True)
        strikes = [STRIKES[name] for name in asked.strikes]
        watch = Watch(Installation(folder, programs), asked.patience)
        return _rehearse(watch, choose(asked.models), strikes, asked.report)


def _rehearse(watch: Watch, models: Models, strikes: Sequence[Strike], report: Path | None) -> int:
    installation, folder = watch.installation, watch.installation.folder
    write_questions(folder / "datasets")
    write_models(folder / "models")
    expected = expected_scores(models, folder / "undisturbed")
    story, violations = Story(watch, models), list[str]()
    try:
        installation.start()
        story.tell(strikes)
        violations += of_health(installation)
    except AssertionError as exc:
        violations.append(str(exc))
    requests = installation.requests()
    violations += of_ends(installation.stop(), folder)
    violations += of_work(installation.settings, models, expected)
    installation.take_disk()
    if report:
        write_report(report, story.happenings, requests, violations)
    sys.stderr.write("".join(f"VIOLATION {one}\n" for one in violations) or "No violations.\n")
    return int(bool(violations))


if __name__ == "__main__":
    sys.exit(main())
