"""The report of a finished run: scores and durations. Pure."""

from evalboard.attempt.model import Attempt, AttemptEnd
from evalboard.records.board_files import BenchmarkProgress
from evalboard.records.result import Seconds
from evalboard.wording import duration


def time_account(seconds: Seconds) -> list[tuple[str, float]]:
    """Return the parts of the duration: `(part, seconds of wall-clock time)`, the total last."""
    return [
        ("start", seconds.start),
        ("load", seconds.load),
        *((f"score {benchmark}", taken) for benchmark, taken in seconds.score.items()),
        ("store", seconds.store),
        ("overhead", seconds.overhead),
        ("total", seconds.total),
    ]


def markdown_summary(attempt: Attempt, end: AttemptEnd) -> str:
    """Return the run's report as Markdown."""
    record = attempt.record
    lines = [
        f"# {record.model}",
        f"Revision `{record.revision}`, {record.precision}, suite {attempt.suite.name}: "
        f"**{end.status}**",
        "",
    ]
    if end.failure:
        lines += [f"{end.failure.code}: {end.failure.message}", ""]
    lines += ["| benchmark | score |", "|---|---|"]
    for benchmark in attempt.benchmarks:
        score = end.scores.get(benchmark.key)
        lines.append(f"| {benchmark.title} | {'—' if score is None else f'{score:.4f}'} |")
    lines += ["", "| time | seconds |", "|---|---|"]
    lines += [f"| {part} | {taken:.1f} |" for part, taken in time_account(end.seconds)]
    if end.document_path:
        lines += ["", f"Result document: `{end.document_path}`"]
    return "\n".join(lines)


def progress_line(progress: BenchmarkProgress) -> str:
    """Return a benchmark's progress: `120 of 500 questions, 35/s, 11 s left`."""
    parts = [f"{progress.done:,} of {progress.total:,} questions"]
    if progress.per_second:
        parts.append(f"{progress.per_second:.3g}/s")
    if progress.seconds_left:
        parts.append(f"{duration(progress.seconds_left)} left")
    return ", ".join(parts)
