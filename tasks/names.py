"""Names of runs in the Prefect UI.

Prefect formats a name that is a text with the parameters of the run, so braces in a stranger's text
would be fields. A name that a function returns is taken as it is.
"""

from collections.abc import Callable

from evalboard.wording import plain

MAX_NAME_CHARACTERS = 200


def named(text: str) -> Callable[[], str]:
    """Return a function that names a run with a text, whatever the text contains."""
    return lambda: plain(text, MAX_NAME_CHARACTERS)
