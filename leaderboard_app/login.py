"""Who submits, where people can log in: on a Space with Hugging Face's log-in.

Gradio knows who is logged in, and only within its own events. So the submit page, which is drawn by
one, gets a ticket with the name, signed with a key of this process; our routes take the ticket. A
page of another site cannot know it, whatever cookies the browser sends along.
"""

import hashlib
import hmac
import secrets
import time

from gradio import oauth
from gradio.utils import get_space

VALID_SECONDS = 8 * 3600


def is_login_offered() -> bool:
    """Whether this is a Space whose settings ask for log-in."""
    return get_space() is not None and oauth.OAUTH_CLIENT_ID is not None


class Tickets:
    """Writes and reads the tickets of one process."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def write(self, name: str, *, now: float | None = None) -> str:
        """Return a ticket for a name, good for `VALID_SECONDS`."""
        content = f"{int((now or time.time()) + VALID_SECONDS)}:{name}"
        return f"{self._sign(content)}:{content}"

    def read(self, ticket: str, *, now: float | None = None) -> str | None:
        """Return the name on a ticket; None when it is not ours, or too old."""
        signature, _, content = ticket.partition(":")
        if not hmac.compare_digest(signature.encode(), self._sign(content).encode()):
            return None
        expires, _, name = content.partition(":")
        return name if int(expires) > (now or time.time()) else None

    def _sign(self, content: str) -> str:
        return hmac.new(self._key, content.encode(), hashlib.sha256).hexdigest()
