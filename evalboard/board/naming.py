"""The names of rows, as readers see and type them: `org/model@1a2b3c4d bfloat16 chat`. Pure."""

from collections.abc import Iterable

from evalboard.errors import ConfigError
from evalboard.identity import RowIdentity
from evalboard.records.choice import WeightType
from evalboard.records.notice import Renames

SHA_DIGITS = 8
"""Digits of a commit in a name."""


def row_name(row: RowIdentity) -> str:
    """Return the whole name of a row."""
    return " ".join([f"{row.model}@{row.sha[:SHA_DIGITS]}", *_words(row)])


def find_row(name: str, rows: Iterable[RowIdentity], renames: Renames | None = None) -> RowIdentity:
    """Return the row with a name.

    Args:
        name: `model[@revision][ word …]`. The revision is a commit or its first digits, and the words
            are some of precision, weight type, `chat` and `thinking`.
        rows: All rows.
        renames: New names of models, by which a row is found under its old name too.

    Raises:
        ConfigError: No row, or several rows have the name. The message lists them.
    """
    first, *words = name.split() or [""]
    model, _, revision = first.partition("@")
    model = renames.current(model) if renames else model
    asked = {word.casefold() for word in words}
    called = [row for row in rows if row.model.casefold() == model.casefold()]
    found = [
        row
        for row in called
        if row.sha.startswith(revision) and asked <= {word.casefold() for word in _words(row)}
    ]
    if len(found) > 1:
        whole = [row for row in found if asked == {word.casefold() for word in _words(row)}]
        found = whole if len(whole) == 1 else found
    if len(found) == 1:
        return found[0]
    raise _not_one(name, found, called)


def _words(row: RowIdentity) -> list[str]:
    said = [row.weight_type] if row.weight_type != WeightType.ORIGINAL else []
    said += ["chat"] if row.use_chat_template else []
    said += ["thinking"] if row.enable_thinking else []
    return [row.precision, *said]


def _not_one(name: str, found: list[RowIdentity], called: list[RowIdentity]) -> ConfigError:
    choices = "; ".join(sorted(map(row_name, found or called)))
    if found:
        return ConfigError(f"Several rows are named {name!r}. Use one of: {choices}.")
    if called:
        return ConfigError(f"There is no row {name!r}. The model has these rows: {choices}.")
    return ConfigError(f"There is no row {name!r}. `evalboard board show` lists the models.")
