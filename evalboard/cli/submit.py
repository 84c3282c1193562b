"""`evalboard submit`: check a model and add it to the queue."""

import argparse
import json

from evalboard.cli.reporting import print_report, say
from evalboard.cli.submission_arguments import make, submission_fields
from evalboard.intake.submission import Submission, submit
from evalboard.settings import Settings


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """Submit a model. Return 1 if its checks reject it."""
    submission = make(Submission, submission_fields(arguments, sender=settings.sender))
    submitted = submit(submission, settings)
    if arguments.json:
        document = {"request": submitted.request_path, **submitted.report.to_document()}
        print(json.dumps(document, indent=2))
    else:
        print_report(submitted.report)
        if submitted.request_path:
            say(f"Submitted: {submitted.request_path}")
    return 0 if submitted.request_path else 1
