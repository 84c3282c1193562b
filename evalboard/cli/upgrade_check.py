"""`evalboard upgrade-check`: do scores of other versions still compare with those of the installed ones?"""

import argparse
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from rich.table import Table

from evalboard.board.harnesses import Harnesses
from evalboard.board.naming import row_name
from evalboard.board.rows import build_rows
from evalboard.cli.evaluate import evaluate_now
from evalboard.cli.reporting import cell, console, say
from evalboard.engine.placing import placement
from evalboard.engine.provenance import installed_versions
from evalboard.errors import ConfigError, EngineError
from evalboard.intake.submission import EvaluationRequest
from evalboard.publishing import publish_board
from evalboard.records.answers import Answers
from evalboard.records.earned import AnswersName
from evalboard.records.precision import Precision
from evalboard.records.times import timestamp
from evalboard.records.verdict import Verdict, Versions
from evalboard.services import terminable
from evalboard.settings import Settings, listed_words
from evalboard.stores.addresses import open_archive, open_verdicts
from evalboard.suites.boards import find_board
from evalboard.suites.model import Suite
from evalboard.upgrading.anchors import Anchor, choose_anchors
from evalboard.upgrading.verdicts import Compared, compare, points, pool

Asked = dict[tuple[str, Versions], dict[str, Compared]]
"""By benchmark and old version, what each model's answers say, by name of the row."""


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """Ask the anchors again, and store what follows. Return 1 if scores do not compare somewhere."""
    suite = find_board(arguments.suite, settings).suite
    anchors = _anchors(arguments, suite, settings)
    if arguments.dry_run or not anchors:
        _list(anchors)
        return 0
    asked: Asked = defaultdict(dict)
    with placement.one_run_at_a_time(), terminable():
        for anchor in anchors:
            found = _ask(anchor, suite, arguments, settings)
            for key, compared in found.items():
                asked[key, anchor.old][row_name(anchor.row.identity)] = compared
    now = datetime.now(UTC)
    verdicts = [
        _verdict(suite, key, old, by_model, arguments.margin, timestamp(now))
        for (key, old), by_model in asked.items()
    ]
    _store(verdicts, settings)
    publish_board(settings, now=now)
    _report(verdicts, as_json=arguments.json)
    return int(not all(verdict.compares for verdict in verdicts))


def _anchors(arguments: argparse.Namespace, suite: Suite, settings: Settings) -> list[Anchor]:
    rows = build_rows(open_archive(settings).read().documents, suite)
    wanted = suite.select(arguments.benchmarks)
    named = arguments.models or settings.anchors
    return choose_anchors(
        rows,
        suite,
        Harnesses(open_verdicts(settings).read(), suite.name),
        cache(installed_versions),
        benchmarks=[benchmark.key for benchmark in wanted],
        models=listed_words(named),
        number=arguments.anchors,
    )


def _list(anchors: Sequence[Anchor]) -> None:
    for anchor in anchors:
        say(f"{row_name(anchor.row.identity)} ({anchor.old}): {', '.join(anchor.benchmarks)}")
    if not anchors:
        say("No row has scores of other versions, or a verdict joins them with the installed ones.")


def _ask(
    anchor: Anchor, suite: Suite, arguments: argparse.Namespace, settings: Settings
) -> dict[str, Compared]:
    """Evaluate a row again with the installed versions, and compare its answers."""
    config = anchor.row.config
    request = EvaluationRequest(
        **config.choice.model_dump(exclude={"precision", "model_type"}),
        precision=Precision(config.model_dtype),
        suite=suite.name,
        benchmarks=anchor.benchmarks,
        limit=arguments.limit,
    )
    own = settings.model_copy(update={"backend": anchor.old.backend})
    _, end = evaluate_now(request, own, quiet=arguments.json)
    if end.document_path is None or end.failure:
        reason = end.failure.message if end.failure else "no benchmark was evaluated"
        raise EngineError(f"{row_name(anchor.row.identity)!r} could not be asked again: {reason}")
    folder = Path(end.document_path).parent
    stored = _stored(anchor, settings)
    return {
        key: compare(
            answers,
            Answers.from_parquet((folder / f"{key}.parquet").read_bytes(), path=key),
            limit=arguments.limit,
        )
        for key, answers in stored.items()
    }


def _stored(anchor: Anchor, settings: Settings) -> dict[str, Answers]:
    names = [
        AnswersName(anchor.row.scores[key].folder, key, by_subject=False)
        for key in anchor.benchmarks
    ]
    found = {name.benchmark: answers for name, answers in open_archive(settings).answers(names)}
    if missing := [key for key in anchor.benchmarks if key not in found]:
        raise ConfigError(
            f"The answers of {row_name(anchor.row.identity)!r} to {', '.join(missing)} are not stored. "
            "Name other rows with --models."
        )
    return found


def _verdict(
    suite: Suite,
    key: str,
    old: Versions,
    by_model: Mapping[str, Compared],
    margin: float,
    time: str,
) -> Verdict:
    together = pool(list(by_model.values()))
    if not together.questions:
        raise ConfigError(
            f"Both versions asked other questions of {key!r}. Their scores never compare."
        )
    difference = points(together)
    return Verdict(
        suite=suite.name,
        benchmark=key,
        old=old,
        new=installed_versions(old.backend),
        compares=difference.is_within(margin),
        models=tuple(by_model),
        questions=together.questions,
        different=together.different,
        largest_difference=together.largest_difference,
        points=difference.value,
        low=difference.low,
        high=difference.high,
        margin=margin,
        time=time,
    )


def _store(verdicts: Sequence[Verdict], settings: Settings) -> None:
    def decide(before: Sequence[Verdict]) -> list[Verdict]:
        kept = [old for old in before if not any(new.replaces(old) for new in verdicts)]
        return [*kept, *verdicts]

    open_verdicts(settings).change(decide, message="which versions compare")


def _report(verdicts: Sequence[Verdict], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps([verdict.model_dump(mode="json") for verdict in verdicts], indent=2))
        return
    table = Table(
        "benchmark", "old", "questions", "differ", "points", "log-likelihoods", "compares"
    )
    for one in verdicts:
        difference = f"{one.points:+.2f} [{one.low:+.2f}, {one.high:+.2f}]"
        within = f"within {one.largest_difference:.1e}"
        told = "yes" if one.compares else f"no: more than ±{one.margin:g} points is possible"
        numbers = (str(one.questions), str(one.different), difference, within, told)
        table.add_row(one.benchmark, cell(str(one.old)), *numbers)
    console.print(table)
    if not all(one.compares for one in verdicts):
        say(
            "More questions (--limit) or models make the interval narrower. `evalboard requeue "
            "--outdated --dry-run` says what it costs to evaluate the old rows again."
        )
