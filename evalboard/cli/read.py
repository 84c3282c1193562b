"""`evalboard read`: how the answers in a file are read."""

import argparse
import json

from evalboard.cli.reporting import say
from evalboard.reading.answers import Reading
from evalboard.reading.files import unread_answers
from evalboard.reading.reader import READER, read
from evalboard.settings import Settings


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print how each row is read."""
    readings = [read(answer) for answer in unread_answers(arguments.file)]
    for number, reading in enumerate(readings, start=1):
        if arguments.json:
            print(
                json.dumps({"letter": reading.letter, "state": reading.state, "rule": reading.rule})
            )
        else:
            say(f"{number}: {_in_words(reading)}")
    if not arguments.json:
        count = sum(reading.letter is not None for reading in readings)
        say(f"{count} of {len(readings)} answers were read by {READER}.")
    return 0


def _in_words(reading: Reading) -> str:
    rule = f" ({reading.rule})" if reading.rule else ""
    return f"{reading.letter or reading.state}{rule}"
