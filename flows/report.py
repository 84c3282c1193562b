"""The page that a finished run leaves in the Prefect UI: scores, and where the time went."""

from prefect.artifacts import create_markdown_artifact

from evalboard.attempt.model import Attempt, AttemptEnd
from evalboard.attempt.report import markdown_report


def publish_report(attempt: Attempt, end: AttemptEnd) -> None:
    """Attach the run's report to it."""
    create_markdown_artifact(
        markdown_report(attempt, end), key="evaluation", description=attempt.record.model
    )
