"""Times in request files of this and other boards."""

from datetime import UTC, datetime

ISO = "%Y-%m-%dT%H:%M:%SZ"
_OTHER_FORMS = ("%Y-%m-%dT%H-%M-%S.%f", "%Y-%m-%dT%H-%M-%S", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d")
_EARLIEST, _LATEST = 946_684_800, 32_503_680_000  # the years 2000 and 3000


def timestamp(now: datetime | None = None) -> str:
    """Return a UTC time in the form that every record uses: `2026-11-21T10:00:00Z`."""
    return (now or datetime.now(UTC)).astimezone(UTC).strftime(ISO)


def parse_time(value: object) -> datetime | None:
    """Return a time from a file, in UTC; None if the value is not a time.

    Args:
        value: ISO 8601 with or without a zone (none means UTC), the same in the form of file names
            (`10-00-00`), or seconds or milliseconds since the epoch.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return _of_epoch(value)
    if not isinstance(value, str):
        return None
    text = value.strip()
    try:
        number = float(text)
    except ValueError:
        return _of_text(text)
    return _of_epoch(number) or _of_text(text)


def _of_epoch(number: float) -> datetime | None:
    """Return the time of seconds or milliseconds since the epoch, None for other numbers."""
    if _EARLIEST <= number < _LATEST:
        return datetime.fromtimestamp(number, UTC)
    if _EARLIEST * 1000 <= number < _LATEST * 1000:
        return datetime.fromtimestamp(number / 1000, UTC)
    return None


def _of_text(text: str) -> datetime | None:
    try:
        return _within(datetime.fromisoformat(text))
    except ValueError:
        pass
    for form in _OTHER_FORMS:
        try:
            return _within(datetime.strptime(text, form).replace(tzinfo=UTC))
        except ValueError:
            continue
    return None


def _within(time: datetime) -> datetime | None:
    """Return the time in UTC, None for an impossible year."""
    if not 2000 <= time.year < 3000:
        return None
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return aware.astimezone(UTC)
