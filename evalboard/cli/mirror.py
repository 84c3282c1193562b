"""`evalboard mirror`: questions and models for a network without internet."""

import argparse

from evalboard.cli.reporting import say_at_once
from evalboard.settings import Settings
from evalboard.suites.loader import load_suite


def pull(arguments: argparse.Namespace, settings: Settings) -> int:
    """Copy the questions of a suite, and models, into a folder."""
    from evalboard.mirroring import DATASETS, MODELS, copy_model, copy_questions  # imports lm_eval

    suite = load_suite(arguments.suite or settings.suite)
    for benchmark, new in copy_questions(suite, arguments.to, settings):
        say_at_once(f"{benchmark.title}: {f'{len(new)} files' if new else 'already there'}")
    for name in arguments.models:
        model, _, revision = name.partition("@")
        say_at_once(f"{name}: {copy_model(model, revision or 'main', arguments.to, settings)}")
    folder = arguments.to.resolve()
    say_at_once(f"Set EVALBOARD_DATASETS={folder / DATASETS}, EVALBOARD_OFFLINE=true")
    if arguments.models:
        say_at_once(f"and EVALBOARD_MODELS={folder / MODELS}")
    return 0
