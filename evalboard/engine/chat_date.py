"""The date that chat templates see.

Some templates print the date, with the function `strftime_now` of transformers. The prompts of a model
must not change from day to day, so for templates it is always the same day: the one that Llama 3's
templates print where they are not told the date.
"""

from datetime import datetime
from typing import Any

CHAT_DATE = datetime(2024, 7, 26)  # noqa: DTZ001 - transformers gives templates the local time, too
DATE_FUNCTION = "strftime_now"
DATE_OPTIONS: dict[str, Any] = {DATE_FUNCTION: CHAT_DATE.strftime}
"""Options for transformers' `apply_chat_template`, where they take the place of its own function."""


def seen_date(template: str | None) -> str | None:
    """Return the date that a template sees, in ISO format; None if it does not ask for the date."""
    asks = template is not None and DATE_FUNCTION in template
    return CHAT_DATE.date().isoformat() if asks else None
