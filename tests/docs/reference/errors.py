"""The errors with which work can fail."""

from collections.abc import Iterator

from evalboard.errors import EvalboardError, Recovery
from tests.docs.reference.markdown import page, summary, table

AFTERWARDS = {Recovery.ITSELF: "is tried again", Recovery.PERSON: "waits for a person"}


def errors_page() -> str:
    """Return the page."""
    return page(
        "Errors",
        "The code is in the request (`evalboard.failure.code`), on the Queue page and in "
        "`evalboard status`; a benchmark without a score has it in the result document. The message "
        "says what to do. A request that *is tried again* starts after the pauses of "
        "`EVALBOARD_RETRY_PAUSES`; one that *waits for a person* starts after `evalboard requeue`.",
        table(
            ("code", "meaning", "the request", "tries at once"),
            [
                (
                    f"`{kind.code}`",
                    _meaning(kind),
                    AFTERWARDS[kind.recovery],
                    str(kind.repeats or ""),
                )
                for kind in _kinds(EvalboardError)
            ],
        ),
        "*Tries at once*: how often an attempt repeats the same work that ends with this error, "
        "before the attempt fails.",
    )


def _kinds(kind: type[EvalboardError]) -> Iterator[type[EvalboardError]]:
    for special in kind.__subclasses__():
        if special.__module__ == EvalboardError.__module__:
            yield special
            yield from _kinds(special)


def _meaning(kind: type[EvalboardError]) -> str:
    text = summary(kind.__doc__).removeprefix("Raised when ").removeprefix("Raised where ")
    return text if text.startswith("lm_eval") else text[:1].upper() + text[1:]
