"""Short names of the board's rows, for addresses: `{model}@{sha8}@{precision}@{weights}@{chat}`.

They are read from the right, because a model's name can be anything. Parts omitted on the right
match any value: `org/name` is the best row of that model. `chat` is `0`, `1` with the chat template,
and `think` with thinking, too. `static/reference.js` uses the same format.
"""

from typing import Any

import pyarrow as pa

from leaderboard_app.board_rows import SHORT_SHA, chat_of, find_rows, matches

_PARTS = ("sha", "precision", "weights", "chat")


def reference_of(row: dict[str, Any]) -> str:
    """Return a row's short name."""
    parts = (
        row["model"],
        row["sha"][:SHORT_SHA],
        row.get("precision") or "",
        row.get("weight_type") or "",
        chat_of(row),
    )
    return "@".join(str(part) for part in parts)


def find_row(table: pa.Table, reference: str) -> dict[str, Any] | None:
    """Return the row of a short name, None if the board has none."""
    model, *parts = reference.rsplit("@", len(_PARTS))
    query: dict[str, str] = dict(zip(_PARTS, parts, strict=False))
    fitting = [row for row in find_rows(table, model) if matches(row, query)]
    return next(iter(fitting or find_rows(table, reference)), None)
