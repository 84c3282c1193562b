"""What a run says of itself at its end: scores, and where its time went. Pure."""

from evalboard.attempt.model import Attempt, AttemptEnd
from evalboard.records.result import Seconds


def time_account(seconds: Seconds) -> list[tuple[str, float]]:
    """Return where the time went: `(part, seconds of wall clock)`, the whole last."""
    return [
        ("start", seconds.start),
        ("load", seconds.load),
        *((f"score {benchmark}", taken) for benchmark, taken in seconds.score.items()),
        ("store", seconds.store),
        ("overhead", seconds.overhead),
        ("total", seconds.total),
    ]


def markdown_report(attempt: Attempt, end: AttemptEnd) -> str:
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
        lines += ["", f"Document: `{end.document_path}`"]
    return "\n".join(lines)
