"""Searches on the Hub for forms: the owner of a token, and models with similar names."""

import httpx2
from huggingface_hub.errors import HfHubHTTPError, HFValidationError

from evalboard.errors import StoreError
from evalboard.hub_client import hub_api
from evalboard.repositories.names import is_board_name
from evalboard.settings import Settings


def models_in_mirror(words: str, settings: Settings, *, limit: int) -> list[str]:
    """Return the models in EVALBOARD_MODELS whose names contain these words."""
    root, wanted = settings.models, words.casefold()
    if root is None or not root.is_dir():
        return []
    names = (f"{path.parent.name}/{path.name}" for path in root.glob("*/*") if path.is_dir())
    return sorted(n for n in names if is_board_name(n) and wanted in n.casefold())[:limit]


def models_on_hub(words: str, settings: Settings, *, limit: int) -> list[str]:
    """Return models on the Hub that match these words, the most downloaded first.

    The search uses no token and finds only public models.

    Raises:
        StoreError: The Hub did not answer.
    """
    api = hub_api(settings.hub_endpoint, False)
    try:
        found = list(api.list_models(search=words, sort="downloads", limit=limit))
    except (httpx2.HTTPError, OSError) as exc:
        raise StoreError(
            f"Searching the Hub for models failed ({type(exc).__name__}). Try again later."
        ) from exc
    return [model.id for model in found if is_board_name(model.id)]


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
