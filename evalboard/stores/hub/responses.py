"""What the Hub's answers mean: try again, correct a setting, or give up."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx2
from huggingface_hub.errors import (
    DisabledRepoError,
    GatedRepoError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import parse_ratelimit_headers

from evalboard.errors import ConfigError, Recovery, StoreError, StoreRefused, StoreUnreachable

TRY_AGAIN = {408, 409, 412, 425, 429, 500, 502, 503, 504}
"""409 means that the repository is locked, 412 that a race is lost: the next try reads the newer
head.
"""
UNKNOWN = {404, 405, 501}
"""Answers of a server that does not know the call. The Hub names what is missing in a header."""


class HubBusy(StoreUnreachable):
    """Raised when a call may have failed, and the next try may succeed.

    `wait` is the wait that the Hub asks for in seconds, None if it asks for none.
    """

    code = "hub_busy"

    def __init__(self, message: str, *, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class CallUnknown(StoreError):
    """Raised when the server has no such call, or nothing at its address."""

    code = "call_unknown"


class RepositoryAbsent(StoreError):
    """Raised when the repository is missing, or the token has no access to it."""

    code = "repository_absent"
    recovery = Recovery.PERSON


@contextmanager
def store_errors(address: str) -> Iterator[None]:
    """Translate the client's errors.

    Raises:
        HubBusy: Another try may succeed.
        RepositoryAbsent: The repository is missing, or the token has no access to it.
        CallUnknown: The server has no such call.
        StoreRefused: The token is invalid or has too few permissions.
        ConfigError: The Hub must not be used, or not this repository.
        StoreError: The Hub refuses the call for another reason.
    """
    try:
        yield
    except (GatedRepoError, DisabledRepoError) as exc:
        raise ConfigError(
            f"Store {address!r} is gated or disabled on the Hub. Remove the restriction, or use "
            "another store."
        ) from exc
    except RepositoryNotFoundError as exc:
        raise RepositoryAbsent(
            f"The Hub has no dataset {address!r}, or the token has no access to it."
        ) from exc
    except RevisionNotFoundError as exc:
        raise HubBusy(f"The Hub does not yet know a commit of {address!r}: {exc}") from exc
    except HfHubHTTPError as exc:
        raise _refused(address, exc) from exc
    except OfflineModeIsEnabled as exc:
        raise ConfigError(
            f"Store {address!r} is on the Hub, but HF_HUB_OFFLINE is set. Unset it, or keep the "
            "store in a folder."
        ) from exc
    except (httpx2.HTTPError, OSError) as exc:
        raise HubBusy(
            f"The Hub did not answer for {address!r} ({type(exc).__name__}: {exc})."
        ) from exc
    except RuntimeError as exc:  # the client raises this if it cannot upload a large file
        cause = exc.__cause__
        if isinstance(cause, HfHubHTTPError):
            raise _refused(address, cause) from exc
        kind = HubBusy if isinstance(cause, httpx2.HTTPError | OSError | None) else StoreError
        raise kind(f"A large file could not be uploaded to {address!r}: {cause or exc}") from exc
    except ValueError as exc:
        raise StoreError(
            f"The Hub client rejected a change to {address!r} or the Hub's answer: {exc}"
        ) from exc


def asked_wait(headers: Mapping[str, str]) -> float | None:
    """Return the wait in seconds that an answer's headers ask for, None if they ask for none."""
    limit = parse_ratelimit_headers(headers)
    if limit is not None and limit.remaining == 0:
        return limit.reset_in_seconds + 1.0
    after = headers.get("Retry-After", "")
    return float(after) if after.isdecimal() else None


def _refused(address: str, exc: HfHubHTTPError) -> StoreError | ConfigError:
    response = exc.response
    status = response.status_code
    said = exc.server_message or response.reason_phrase
    if status == 401:
        return StoreRefused(
            f"The Hub rejected the token for {address!r}: {said}. Set HF_TOKEN to a valid token."
        )
    if status == 403:
        return StoreRefused(
            f"The token has no permission for this in {address!r}: {said}. Set HF_TOKEN to a token "
            "with write access to that organisation."
        )
    call = f"{response.request.method} {response.request.url.path}"
    message = f"The Hub answered {status} for {address!r} to {call}: {said}"
    if status in TRY_AGAIN:
        return HubBusy(message, wait=asked_wait(response.headers))
    if status in UNKNOWN and "X-Error-Code" not in response.headers:
        return CallUnknown(message)
    return StoreError(message)
