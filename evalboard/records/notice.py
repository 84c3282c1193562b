"""What the operator of a board says of a model: a flag, a new name, what it is made of; or hides it."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator


class NoticeKind(StrEnum):
    """What a notice does."""

    FLAGGED = "flagged"
    """The row has a mark with the reason, and no rank in the average."""
    HIDDEN = "hidden"
    """The model has no row."""
    RENAMED = "renamed"
    """The model has another name now: its rows have the new one, to which the old one leads."""
    MERGE = "merge"
    """The model is a merge of several, whatever the checks found."""
    MIXTURE = "mixture"
    """The model is a mixture of experts, whatever the checks found."""
    COPY = "copy"
    """The board has found the same weights under another name. The operator makes no such notice."""
    NOT_ON_HUB = "not_on_hub"
    """The Hub had the model and has it no more. The board finds it, as it finds copies."""


class Notice(BaseModel):
    """One notice."""

    model_config = ConfigDict(frozen=True, extra="allow", protected_namespaces=())

    model: str
    """Name of the model, for all of its rows."""
    kind: NoticeKind
    reason: str = ""
    link: Annotated[str, Field(pattern=r"^(https?://\S+)?$")] = ""
    """Page with more, such as a discussion."""
    new_name: str = ""
    """Of a renamed model."""
    time: str = ""
    """When it was made; UTC, ISO 8601."""

    @model_validator(mode="after")
    def _says_enough(self) -> "Notice":
        if self.kind is NoticeKind.RENAMED and not self.new_name:
            raise ValueError("a renamed model needs its new name")
        if self.kind is NoticeKind.FLAGGED and not self.reason:
            raise ValueError("a flag needs a reason")
        return self

    def is_about(self, model: str) -> bool:
        """Return whether it is about a model, whose name counts without regard to case."""
        return self.model.casefold() == model.casefold()


class Renames:
    """The new names of models, from the notices on renamed ones."""

    def __init__(self, notices: Iterable[Notice]) -> None:
        self._new = {
            notice.model.casefold(): notice.new_name
            for notice in notices
            if notice.kind is NoticeKind.RENAMED
        }

    def names(self, model: str) -> list[str]:
        """Return the names of a model from a given one to that which it has now, at least the given."""
        names = {model.casefold(): model}
        while (new := self._new.get(next(reversed(names)))) and new.casefold() not in names:
            names[new.casefold()] = new
        return list(names.values())

    def current(self, model: str) -> str:
        """Return the name that a model has now."""
        return self.names(model)[-1]
