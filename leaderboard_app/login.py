"""The submitter's identity on a Space with Hugging Face's log-in.

Gradio knows the logged-in user only within its own events. One of them draws the submit page, which
gets a ticket with the user's name, signed with a key of this process; the data routes accept the
ticket. A page of another site cannot know it, whatever cookies the browser sends.
"""

import secrets

from gradio import oauth
from gradio.utils import get_space
from itsdangerous import BadData, URLSafeTimedSerializer

VALID_SECONDS = 8 * 3600


def is_login_offered() -> bool:
    """Whether this is a Space whose settings ask for log-in."""
    return get_space() is not None and oauth.OAUTH_CLIENT_ID is not None


class Tickets:
    """Writes and reads the tickets of one process."""

    def __init__(self) -> None:
        self._serializer = URLSafeTimedSerializer(secrets.token_bytes(32))

    def write(self, name: str) -> str:
        """Return a ticket for a name, good for `VALID_SECONDS`."""
        return str(self._serializer.dumps(name))

    def read(self, ticket: str) -> str | None:
        """Return the name on a ticket, None if it is expired or from another process."""
        try:
            return self._serializer.loads(ticket, max_age=VALID_SECONDS)
        except BadData:
            return None
