"""The page that a finished run leaves in the Prefect UI: scores, and where the time went."""

from evalboard.attempt.model import Attempt, AttemptEnd
from evalboard.attempt.report import markdown_report
from tasks.artifacts import create_artifact


def publish_report(attempt: Attempt, end: AttemptEnd) -> None:
    """Attach the run's report to it."""
    report = markdown_report(attempt, end)
    create_artifact("markdown", "evaluation", report, attempt.record.model)
