"""Ask the Hub who somebody is, and which models are called nearly so. For forms, not for checks."""

import httpx2
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, HFValidationError

from evalboard.errors import StoreError
from evalboard.repositories.names import is_board_name
from evalboard.settings import Settings


def models_in_mirror(words: str, settings: Settings, *, limit: int) -> list[str]:
    """Return the models under EVALBOARD_MODELS whose name has these words; none without a mirror."""
    root, wanted = settings.models, words.casefold()
    if root is None or not root.is_dir():
        return []
    names = (f"{path.parent.name}/{path.name}" for path in root.glob("*/*") if path.is_dir())
    return sorted(n for n in names if is_board_name(n) and wanted in n.casefold())[:limit]


def models_on_hub(words: str, settings: Settings, *, limit: int) -> list[str]:
    """Return models of the Hub that fit these words, the most downloaded first.

    Only public ones: the Hub is asked without the board's token.

    Raises:
        StoreError: The Hub did not answer.
    """
    api = HfApi(endpoint=settings.hub_endpoint, token=False)
    try:
        found = list(api.list_models(search=words, sort="downloads", limit=limit))
    except (httpx2.HTTPError, OSError) as exc:
        raise StoreError(
            f"Searching the Hub for models failed ({type(exc).__name__}). Try again later."
        ) from exc
    return [model.id for model in found if is_board_name(model.id)]


def owner_of_token(token: str, settings: Settings) -> str | None:
    """Return whose a token of the Hub is; None when the Hub does not accept it.

    Raises:
        StoreError: The Hub did not answer.
    """
    api = HfApi(endpoint=settings.hub_endpoint, token=token)
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
