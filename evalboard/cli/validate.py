"""`evalboard validate`: the report on a model, without submitting it."""

import argparse
import json

from evalboard.cli.reporting import print_report
from evalboard.cli.submission_arguments import make, submission_fields
from evalboard.intake.submission import Submission, preview_submission
from evalboard.settings import Settings, listed_words


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """Check a model. Return 1 if it would be rejected."""
    submission = make(Submission, submission_fields(arguments, sender=settings.sender))
    suites = listed_words(arguments.suite)
    report = preview_submission(submission, settings, suites=suites, allow_folder=True)
    if arguments.json:
        print(json.dumps(report.to_document(), indent=2))
    else:
        print_report(report)
    return 0 if report.ok else 1
