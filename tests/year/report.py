"""The page on the simulated year."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from tests.year.schedule import scheduled
from tests.year.simulating import Week

MIB = 2**20


def report(
    weeks: Sequence[Week],
    *,
    rows: Mapping[str, int],
    days: int,
    models: int,
    work: int,
    cache: tuple[int, int],
    seconds: float,
    keep_days: int,
) -> str:
    """Return the page.

    Args:
        weeks: The database at the end of each week.
        rows: Rows of one run, by flow.
        days: Number of days that were simulated.
        models: Number of models that were evaluated on them.
        work: Largest size in bytes of the growing folders of the work folder.
        cache: Largest size and limit of the model cache, in bytes.
        seconds: Time that the simulation took.
        keep_days: Days for which runs are kept.
    """
    intervals = ", ".join(
        f"`{flow}` every {interval.total_seconds():.0f} s" for flow, interval in scheduled().items()
    )
    each = ", ".join(f"{number} for `{flow}`" for flow, number in rows.items())
    largest = max(week.file for week in weeks)
    last = weeks[-1]
    at = [week for number, week in enumerate(weeks) if number in _shown(len(weeks))]
    table = "\n".join(
        f"| {weeks.index(week) + 1} | {week.runs:,} | {week.kept:,} | {week.file / MIB:,.0f} "
        f"| {week.used / MIB:,.0f} |"
        for week in at
    )
    return f"""# A simulated year

What {days} days with {models:,} models leave behind. `make year` writes this page. One tiny model is really
evaluated, on the demo's three benchmarks. What Prefect stored of its runs is then repeated with the dates of the
year, by the schedules of the deployments ({intervals}) and two more polls for each model: {last.runs:,} flow runs. At
the end of each week Prefect's own vacuum does what the server would have done by then, with
`EVALBOARD_KEEP_RUNS_DAYS={keep_days}`, and `evalboard clean --older-than 30` removes what is old.

Last run: {datetime.now(UTC):%Y-%m-%d}, {seconds:.0f} seconds.

## Prefect's database

| week | runs so far | runs kept | file, MiB | in use, MiB |
| ---: | ---: | ---: | ---: | ---: |
{table}

The file (SQLite) was never larger than **{largest / MIB:,.0f} MiB**. Rows of one run in all tables: {each}. SQLite
keeps the pages of deleted rows and fills them again, so the file stays as large as its busiest month. The runs of a
suite with more benchmarks have more rows, and long runs have a heartbeat every 30 seconds, which Prefect keeps for
7 days: multiply by what your runs have.

## Folders

| what | largest, MiB | limit, MiB |
| --- | ---: | ---: |
| logs, progress and documents in the work folder | {work / MIB:,.1f} | `evalboard clean` once a week |
| model cache, {days} models of 1 MiB | {cache[0] / MIB:,.1f} | {cache[1] / MIB:,.1f} |

Not simulated: PostgreSQL, the logs of the services (logrotate or the journal limits them), and the stores, which are
the board and keep everything.
"""


def _shown(number: int) -> set[int]:
    """Return the weeks that are shown: the first, some between, and the last."""
    return {0, number - 1, *range(3, number, 12)}
