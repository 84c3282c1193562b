"""`evalboard flag`: what the operator says of a model."""

import argparse
from datetime import UTC, datetime

from pydantic import ValidationError

from evalboard.cli.reporting import say
from evalboard.errors import ConfigError, first_problem
from evalboard.publishing import publish_board
from evalboard.records.notice import Notice, NoticeKind
from evalboard.records.times import timestamp
from evalboard.repositories.names import check_board_name
from evalboard.settings import Settings
from evalboard.stores.addresses import open_notices
from evalboard.stores.notices import Notices


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """List all notices, or make one, or take those of a model back; then build the boards."""
    book, now = open_notices(settings), datetime.now(UTC)
    if not arguments.model:
        _list(book.read())
        return 0
    model: str = arguments.model
    if arguments.undo:
        left = book.change(lambda all_: _without(all_, model), message=f"no notice on {model}")
    else:
        made = _notice(arguments, timestamp(now))
        left = book.change(lambda all_: _with(all_, made), message=f"{made.kind} {model}")
    _list(tuple(notice for notice in left if notice.is_about(model)))
    publish_board(settings, now=now)
    return 0


def _notice(arguments: argparse.Namespace, time: str) -> Notice:
    if arguments.renamed_to:
        check_board_name(arguments.renamed_to)
    try:
        return Notice(
            model=arguments.model,
            kind=NoticeKind.RENAMED if arguments.renamed_to else arguments.kind,
            reason=arguments.reason,
            link=arguments.link,
            new_name=arguments.renamed_to,
            time=time,
        )
    except ValidationError as exc:
        raise ConfigError(f"The notice cannot be made: {first_problem(exc)}.") from exc


def _with(notices: Notices, made: Notice) -> Notices:
    """Return the notices with a new one, which replaces that of the same model and kind.

    A new name leads nowhere else: a model that is renamed back has its first name again.
    """
    alike = (n for n in notices if n.kind is made.kind)
    replaced = [n for n in alike if n.is_about(made.model) or n.is_about(made.new_name)]
    return (*(n for n in notices if n not in replaced), made)


def _without(notices: Notices, model: str) -> Notices:
    left = tuple(notice for notice in notices if not notice.is_about(model))
    if left == notices:
        raise ConfigError(f"There is no notice on {model!r}. `evalboard flag` lists all.")
    return left


def _list(notices: Notices) -> None:
    for notice in notices:
        what = f"{notice.kind} to {notice.new_name}" if notice.new_name else str(notice.kind)
        said = " ".join(filter(None, (notice.reason, notice.link)))
        say(f"{notice.model}: {what}{f' ({said})' if said else ''}")
    if not notices:
        say("No notice.")
