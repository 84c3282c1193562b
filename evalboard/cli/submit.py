"""`evalboard submit`: check a model and add it to the queue."""

import argparse
import json

from evalboard.cli.reporting import print_report, say
from evalboard.cli.submission_arguments import make, submission_fields
from evalboard.intake.submission import Submission, submit
from evalboard.settings import Settings, listed_words


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """Submit a model. Return 1 if its checks reject it."""
    submission = make(Submission, submission_fields(arguments, sender=settings.sender))
    submitted = submit(submission, settings, suites=listed_words(arguments.suite))
    paths = submitted.request_paths
    if arguments.json:
        requests = {"request": submitted.request_path, "requests": paths}
        print(json.dumps(requests | submitted.report.to_document(), indent=2))
    else:
        print_report(submitted.report)
        for path in paths:
            say(f"Submitted: {path}")
    return 0 if paths else 1
