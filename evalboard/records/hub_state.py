"""What the Hub said of a model when it was last asked."""

from pydantic import BaseModel, ConfigDict


class HubState(BaseModel):
    """What the Hub said of one model that it has, or had."""

    model_config = ConfigDict(frozen=True, extra="allow", protected_namespaces=())

    model: str
    """Name of the model when it was asked about."""
    likes: int | None = None
    """Hearts that people gave it, at least 0; null if the Hub does not count them."""
    missing_since: str = ""
    """UTC time, ISO 8601, of the first answer that the Hub has no such public model; empty if it has."""
