"""Searches on the Hub for forms: the owner of a token, and models with similar names."""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher

import httpx2
from huggingface_hub.errors import HfHubHTTPError, HFValidationError

from evalboard.errors import StoreError
from evalboard.hub_client import hub_api
from evalboard.repositories.lookup import is_offline
from evalboard.repositories.names import is_board_name
from evalboard.settings import Settings

CANDIDATES = 100
"""Models of an organisation, or with a word of a name, among which similar ones are looked for."""
LEAST_SIMILAR = 0.75
"""Of two names, from 0 to 1."""


def models_in_mirror(words: str, settings: Settings, *, limit: int | None = None) -> list[str]:
    """Return the models in EVALBOARD_MODELS whose names contain these words, without a limit all."""
    root, wanted = settings.models, words.casefold()
    if root is None or not root.is_dir():
        return []
    names = (f"{path.parent.name}/{path.name}" for path in root.glob("*/*") if path.is_dir())
    return sorted(n for n in names if is_board_name(n) and wanted in n.casefold())[:limit]


def models_on_hub(
    words: str, settings: Settings, *, limit: int, author: str | None = None
) -> list[str]:
    """Return models on the Hub that match these words, the most downloaded first.

    The search uses no token and finds only public models.

    Args:
        words: What the names contain, in any case; empty for all.
        settings: The address of the Hub.
        limit: Most models.
        author: The organisation, None for any.

    Raises:
        StoreError: The Hub did not answer.
    """
    api = hub_api(settings.hub_endpoint, False)
    try:
        found = list(
            api.list_models(search=words or None, author=author, sort="downloads", limit=limit)
        )
    except (httpx2.HTTPError, OSError) as exc:
        raise StoreError(
            f"Searching the Hub for models failed ({type(exc).__name__}). Try again later."
        ) from exc
    return [model.id for model in found if is_board_name(model.id)]


def similar_models(model: str, settings: Settings, *, limit: int = 3) -> list[str]:
    """Return existing models whose names are most like that of one that does not exist.

    A Hub that does not answer has none: the names are only a help.

    Args:
        model: `org/name`, or a name without an organisation.
        settings: The mirror of models, and whether the Hub may be asked.
        limit: Most models.
    """
    wanted = model.casefold()

    def likeness(other: str) -> float:
        whole = SequenceMatcher(None, wanted, other.casefold()).ratio()
        own, its = (name.rpartition("/")[2] for name in (wanted, other.casefold()))
        # The same name of another organisation is as good as one with a slip in it.
        return max(whole, 0.95 * SequenceMatcher(None, own, its).ratio())

    known = {name: likeness(name) for name in _candidates(model, settings) if name != model}
    like = sorted(known, key=lambda name: (-known[name], name))
    return [name for name in like if known[name] >= LEAST_SIMILAR][:limit]


def _candidates(model: str, settings: Settings) -> Iterator[str]:
    yield from models_in_mirror("", settings)
    if is_offline(settings):
        return
    org, _, name = model.rpartition("/")
    word = max(re.split(r"[-_.]", name), key=len)
    try:
        if org:
            yield from models_on_hub("", settings, limit=CANDIDATES, author=org)
        yield from models_on_hub(word, settings, limit=CANDIDATES)
    except StoreError:
        return


def owner_of_token(token: str, settings: Settings) -> str | None:
    """Return the owner of a Hub token, None if the Hub rejects the token.

    Raises:
        StoreError: The Hub did not answer.
    """
    api = hub_api(settings.hub_endpoint, token)
    try:
        return str(api.whoami(token)["name"])
    except HFValidationError:
        return None
    except (httpx2.HTTPError, OSError) as exc:
        if isinstance(exc, HfHubHTTPError) and exc.response.status_code in (401, 403):
            return None
        raise StoreError(
            f"Asking the Hub for the owner of a token failed ({type(exc).__name__}). Try again "
            "later."
        ) from exc
