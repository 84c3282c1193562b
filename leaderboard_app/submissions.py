"""The addresses under `api/` for submissions, for the form and for programs.

Each address checks permissions itself. Nothing relies on secret addresses or on the form.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Lock
from typing import Annotated, Any, TypeVar

from cachetools import TTLCache
from fastapi import FastAPI, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, field_validator

from evalboard.errors import EvalboardError
from evalboard.intake.house_rules import Allowance, count_submissions, counting_rules
from evalboard.intake.submission import Submission, preview_submission, submit
from evalboard.records.report import Report
from evalboard.repositories.searching import owner_of_token
from evalboard.settings import Settings
from evalboard.stores.addresses import open_queue
from evalboard.stores.requests import DuplicateRequest, QueuedRequest
from evalboard.validation.subject import Subject
from leaderboard_app.completion import LONGEST, Completion
from leaderboard_app.day_count import DayCount
from leaderboard_app.guard import READER, USER
from leaderboard_app.language import language_of, mark, t
from leaderboard_app.pages import Viewer
from leaderboard_app.places import NoPlace, Places

logger = logging.getLogger(__name__)

LONGEST_NAME = 200
MAX_SUITES = 100
CHECKS_AT_ONCE = 2
"""A check starts processes that load config and tokenizer."""
CHECKS_WAITING = 20
CHECKS_EACH = 5
"""Of one address."""
OWNERS_AT_ONCE = 4
"""Questions to the Hub whose token it is."""
QUEUE_SECONDS = 10.0
"""For a sender's remaining number the queue is read at most this often."""

NOT_NOW = mark(
    "This is not possible right now: the queue or the Hub does not answer, or the board is not set "
    "up for it. Try again in a few minutes. The viewer's log contains the reason."
)
BUSY = mark("Too many checks are waiting. Try again in a minute.")
LOG_IN = mark("You must be logged in to submit. Log in on the Submit page and try again.")
UNKNOWN = mark(
    "The checks of this model ended with an error that this board does not know. Tell the "
    "operators the model's name. The viewer's log contains the reason."
)
TOO_MANY_HERE = mark("The limit of submissions from your network address is reached. Try tomorrow.")
TOO_MANY_TODAY = mark("The limit of submissions to this board is reached. Try tomorrow.")
OTHER_BOARD = mark("One of the chosen boards does not exist. Reload the page and choose again.")
OTHER_SITE = mark("This request came from another website. Use the Submit page of this board.")

Answer = TypeVar("Answer")


class Form(Subject, frozen=True):
    """The submission form."""

    sender: str = Field(
        "",
        max_length=100,
        description="Name of the submitter, shown in the queue. If the board requires a log-in, "
        "the account's name is used.",
    )

    suites: list[Annotated[str, Field(max_length=LONGEST_NAME)]] = Field(
        [],
        max_length=MAX_SUITES,
        description="Names of the suites of the boards to which the model is submitted. Empty: that "
        "of the first board.",
    )

    @field_validator("*", mode="before")
    @classmethod
    def _stripped(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        if len(value) > LONGEST_NAME:
            raise ValueError(f"has more than {LONGEST_NAME} characters")
        return value.strip()


class ReportAnswer(BaseModel):
    """The report of the checks."""

    ok: bool
    """Whether the model can be evaluated."""
    report: Report


class SubmissionAnswer(ReportAnswer):
    """The outcome of a submission."""

    request: str | None
    """Its file in the queue, null if the checks found errors."""
    requests: tuple[str, ...] = ()
    """A file for each suite; without those to which the model has been submitted before."""


class Problem(BaseModel):
    """The reason for a failure, and what to do."""

    error: str


class Refusal(Exception):
    """Raised when a request is refused before any work."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Names(BaseModel):
    """Models that match a text."""

    names: list[str]


_REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": description}
    for status, description in (
        (400, "A suite has no board here."),
        (401, "A log-in is required."),
        (403, "The request came from another website."),
        (429, "Too many submissions in 24 hours."),
        (500, "The checks ended with an unknown error."),
        (503, "Not possible right now."),
    )
}


def add_submission_routes(app: FastAPI, viewer: Viewer) -> None:
    """Add check, submission, limits and completion to the server."""
    settings = viewer.settings
    checks = Places(CHECKS_AT_ONCE, CHECKS_WAITING, CHECKS_EACH)
    owners = Places(OWNERS_AT_ONCE, CHECKS_WAITING, CHECKS_EACH)
    sent = DayCount(settings.viewer_submissions, settings.viewer_submissions_per_address)
    queue = RecentQueue(settings)
    completion = Completion(settings)

    @app.exception_handler(Refusal)
    def refuse(request: Request, exc: Refusal) -> Response:
        return _problem(exc.status, t(exc.message, language_of(request)))

    @app.post("/api/check", response_model=ReportAnswer, responses=_REFUSALS, tags=["submit"])
    async def check(form: Form, request: Request) -> Any:
        """Run all checks on a model without submitting it. Takes up to a minute."""
        _refuse_other_sites(request)
        _refuse_other_boards(form, viewer)
        sender = await _sender(viewer, owners, form, request, needed=False)
        submission = read_form(form, sender)
        report = await _run(
            checks, request, lambda: preview_submission(submission, settings, suites=form.suites)
        )
        if isinstance(report, Response):
            return report
        return ReportAnswer(ok=report.ok, report=report)

    @app.post(
        "/api/submissions",
        status_code=201,
        response_model=SubmissionAnswer,
        responses=_REFUSALS
        | {
            409: {
                "model": Problem,
                "description": "The model has already been submitted in this form.",
            },
            422: {"model": SubmissionAnswer, "description": "The checks found errors."},
        },
        tags=["submit"],
    )
    async def send(form: Form, request: Request, response: Response) -> Any:
        """Check a model and add it to the queue."""
        _refuse_other_sites(request)
        _refuse_other_boards(form, viewer)
        sender = await _sender(viewer, owners, form, request, needed=True)
        submission = read_form(form, sender)
        with _counted(sent, viewer, request) as accept:
            done = await _run(
                checks, request, lambda: submit(submission, settings, suites=form.suites)
            )
            if isinstance(done, Response):
                return done
            if done.request_path is None:
                response.status_code = 422
            else:
                accept()
                queue.forget()
                viewer.queue.add(done)
        return SubmissionAnswer(
            ok=done.report.ok,
            report=done.report,
            request=done.request_path,
            requests=done.request_paths,
        )

    @app.get("/api/limits", tags=["submit"], responses=_REFUSALS)
    def limits(sender: Annotated[str, Query(max_length=LONGEST_NAME)] = "") -> Allowance:
        """Return a sender's number of submissions in seven days and the limit."""
        rules = counting_rules(settings)
        entries = queue.entries() if rules.allowance(sender) is not None else ()
        return count_submissions(entries, rules, sender=sender, now=datetime.now(UTC))

    @app.get("/api/names", tags=["submit"])
    def names(q: Annotated[str, Query(max_length=LONGEST)] = "") -> Names:
        """Return names of models that match a text, from the Hub if it is reachable."""
        return Names(names=completion.names(q))


def read_form(form: Form, sender: str) -> Submission:
    """Return the submission of a form, without its suites. Strangers cannot choose the priority."""
    return Submission(**form.model_dump(exclude={"sender", "suites"}), sender=sender.strip())


class RecentQueue:
    """The queue as it was a moment ago, because the Hub limits calls. Thread-safe."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._recent: TTLCache[str, tuple[QueuedRequest, ...]] = TTLCache(1, QUEUE_SECONDS)
        self._lock = Lock()

    def entries(self) -> tuple[QueuedRequest, ...]:
        """Return the requests. Raises like `RequestQueue.entries`."""
        with self._lock:
            recent = self._recent.get("")
            if recent is None:
                recent = self._recent[""] = tuple(open_queue(self._settings).entries())
            return recent

    def forget(self) -> None:
        """Read the queue anew next time."""
        with self._lock:
            self._recent.clear()


def reader_of(request: Request) -> str | None:
    """Return the address that a request is counted for, None if it is unknown."""
    return request.scope.get(READER)


def user_of(request: Request) -> str:
    """Return the user that a trusted proxy has logged in, empty for nobody."""
    return str(request.scope.get(USER, ""))


async def _run(places: Places, request: Request, work: Callable[[], Answer]) -> Answer | Response:
    """Return the result of the work, or a response with the reason of its failure."""
    language = language_of(request)
    try:
        async with places.place(reader_of(request)):
            return await run_in_threadpool(work)
    except NoPlace:
        return _problem(503, t(BUSY, language), {"Retry-After": "60"})
    except DuplicateRequest as exc:
        return _problem(409, exc.message)
    except EvalboardError as exc:
        # Its message is for those who run the board, and may name folders of theirs.
        logger.exception("A submission failed.")
        return _problem(503, t(NOT_NOW, language), {"X-Error-Code": exc.code})
    except Exception:
        logger.exception("The checks of a submission ended with an unknown error.")
        return _problem(500, t(UNKNOWN, language), {"X-Error-Code": "unknown"})


@contextmanager
def _counted(sent: DayCount, viewer: Viewer, request: Request) -> Iterator[Callable[[], None]]:
    """Count a submission while it is checked, and for good if the given function is called.

    Raises:
        Refusal: A limit is reached. With log-in there are limits for accounts instead.
    """
    if viewer.tickets is not None or viewer.settings.viewer_user_header:
        yield lambda: None
        return
    address = reader_of(request)
    match sent.take(address):
        case "one":
            raise Refusal(429, TOO_MANY_HERE)
        case "all":
            raise Refusal(429, TOO_MANY_TODAY)
        case None:
            accepted: list[bool] = []
    try:
        yield lambda: accepted.append(True)
    finally:
        if not accepted:
            sent.give_back(address)


async def _sender(
    viewer: Viewer, owners: Places, form: Form, request: Request, *, needed: bool
) -> str:
    """Return the submitter's name. With log-in it is always the account's name."""
    if viewer.settings.viewer_user_header:
        return _named(user_of(request), needed=needed)
    if viewer.tickets is None:
        return form.sender
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    name = None
    if scheme.casefold() == "ticket":
        name = viewer.tickets.read(secret)
    elif scheme.casefold() == "bearer" and secret.isascii():
        try:
            async with owners.place(reader_of(request)):
                name = await run_in_threadpool(owner_of_token, secret, viewer.settings)
        except NoPlace:
            raise Refusal(503, BUSY) from None
        except EvalboardError as exc:
            logger.warning("%s", exc)
            raise Refusal(503, NOT_NOW) from exc
    return _named(name or "", needed=needed)


def _named(user: str, *, needed: bool) -> str:
    if needed and not user:
        raise Refusal(401, LOG_IN)
    return user


def _refuse_other_sites(request: Request) -> None:
    if request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        raise Refusal(403, OTHER_SITE)


def _refuse_other_boards(form: Form, viewer: Viewer) -> None:
    """Refuse suites without a board: their evaluations would cost the same, and nobody sees them."""
    if not {*form.suites} <= {board.suite.name for board in viewer.boards}:
        raise Refusal(400, OTHER_BOARD)


def _problem(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse(Problem(error=message).model_dump(), status, headers)
