"""Request files of other boards, translated into this project's terms.

It reads the files of both Open LLM Leaderboards, of the Open Medical-LLM Leaderboard and of boards
made from the same template. Values with another spelling are translated (`RERUN` becomes `PENDING`,
`torch.float16` becomes `float16`), and the original value is kept under `evalboard.original`, so
nothing is lost when the file is written again. Null and empty text mean "unknown" in these files
and are read like a missing field. Unknown keys stay unchanged.

The purpose of a field decides about values that cannot be translated. A field that is only shown or
used for sorting (`params`, `submitted_time`, `sender`, …) becomes unknown, and the original is
kept. A field that decides about the evaluation stays unchanged: the record or its checks reject it.
"""

import re
from collections.abc import Callable
from typing import Any

from evalboard.records.precision import Precision
from evalboard.records.times import parse_time, timestamp

_ABSENT = object()

STATUSES = {
    "pending": "PENDING",
    "rerun": "PENDING",
    "queued": "PENDING",
    "waiting": "PENDING",
    "running": "RUNNING",
    "evaluating": "RUNNING",
    "finished": "FINISHED",
    "completed": "FINISHED",
    "done": "FINISHED",
    "failed": "FAILED",
    "error": "FAILED",
    "rejected": "REJECTED",
    "cancelled": "CANCELLED",
    "canceled": "CANCELLED",
}
"""Our status by the other boards' status in lower case. Each also matches with a suffix:
`PENDING_NEW_EVAL`, `FINISHED_OLD`.
"""

WEIGHT_TYPES = {"original": "Original", "adapter": "Adapter", "delta": "Delta"}

_PARAMS = re.compile(r"([0-9][0-9,]*(?:\.[0-9]+)?)\s*([kmbt]?)", re.IGNORECASE)
_BILLIONS = {"": 1.0, "k": 1e-6, "m": 1e-3, "b": 1.0, "t": 1e3}
_COUNTED_FROM = 100_000
"""A larger number without a unit is a number of parameters, not of billions."""
_NO_MODEL_HAS = 1e16
_NAME = re.compile(r"_eval_request_[^_/]*_(?P<precision>[^_/]+)_(?P<weights>[^_/]+).*\.json$")
_EMPTY_IS_ABSENT = ("base_model", "revision", "precision", "weight_type", "submitted_time")


def adopt(document: dict[str, Any], *, path: str) -> dict[str, Any]:
    """Return a request file's content in this project's terms.

    Args:
        document: The file's content, which is not modified. Our own files are returned unchanged.
        path: Path of the file. Its name gives the precision and the weight type if the content does
            not.
    """
    adopted = {key: value for key, value in document.items() if not _says_nothing(key, value)}
    original: dict[str, Any] = {}
    for field, read in _READERS.items():
        if field not in adopted:
            continue
        value = adopted[field]
        mapped = read(value)
        if mapped is _ABSENT:
            del adopted[field]
            original[field] = value
        elif mapped is not value and (mapped != value or type(mapped) is not type(value)):
            adopted[field] = mapped
            original[field] = value
    adopted = _named(path) | _first_fields(document) | adopted
    return _with_original(adopted, original) if original else adopted


def _says_nothing(key: str, value: Any) -> bool:
    if key in ("model", "status"):
        return False  # a request needs them: the record reports it
    blank = isinstance(value, str) and not value.strip() and key in _EMPTY_IS_ABSENT
    return (value is None and (key in _READERS or key == "evalboard")) or blank


def _with_original(document: dict[str, Any], original: dict[str, Any]) -> dict[str, Any]:
    block = document.get("evalboard", {})
    if not isinstance(block, dict):
        return document  # the record reports the problem
    former = block.get("original")
    kept = {**(former if isinstance(former, dict) else {}), **original}
    return {**document, "evalboard": {**block, "original": kept}}


def _named(path: str) -> dict[str, Any]:
    """Return the fields in a file's name, `{model}_eval_request_False_{precision}_{weight_type}…`.

    The oldest names have `{private}_{is_8bit}_{is_delta}` instead.
    """
    name = _NAME.search(path)
    if name is None:
        return {}
    precision, weights = name["precision"], name["weights"]
    found: dict[str, Any] = {}
    if precision == "True" or Precision.parse(precision):
        found["precision"] = "8bit" if precision == "True" else _precision(precision)
    if weights == "True" or _weight_type(weights) in WEIGHT_TYPES.values():
        found["weight_type"] = "Delta" if weights == "True" else _weight_type(weights)
    return found


def _first_fields(document: dict[str, Any]) -> dict[str, Any]:
    """Return the fields in the flags of the oldest files: `8bit_eval` and `is_delta_weight`."""
    found: dict[str, Any] = {}
    if document.get("8bit_eval") is True:
        found["precision"] = "8bit"
    if document.get("is_delta_weight") is True:
        found["weight_type"] = "Delta"
    return found


def _status(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = value.strip().lower()
    words = re.split(r"[\s_-]+", text, maxsplit=1)
    return STATUSES.get(re.sub(r"[\s_-]+", "", text)) or STATUSES.get(words[0], value)


def _precision(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return str(Precision.parse(value) or value.strip())


def _weight_type(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return WEIGHT_TYPES.get(value.strip().lower(), value.strip())


def _stripped(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def _params(value: Any) -> Any:
    """Return billions of parameters from 7.2, `7.2B`, `350M` or 7241732096."""
    if isinstance(value, bool):
        return _ABSENT
    if isinstance(value, int | float):
        number, unit = value, ""
    else:
        match = _PARAMS.fullmatch(value.strip()) if isinstance(value, str) else None
        if match is None:
            return _ABSENT
        number, unit = float(match[1].replace(",", "")), match[2].lower()
    if not 0 < number < _NO_MODEL_HAS:
        return _ABSENT
    if not unit and number >= _COUNTED_FROM:
        return number / 1e9
    return value if isinstance(value, int | float) else number * _BILLIONS[unit]


def _flag(value: Any) -> Any:
    text = str(value).strip().lower() if isinstance(value, str | int) else ""
    if text in ("true", "yes", "1"):
        return True
    return False if text in ("false", "no", "0", "") else value


def _time(value: Any) -> Any:
    time = parse_time(value)
    return _ABSENT if time is None else timestamp(time)


def _text(value: Any) -> Any:
    return value if isinstance(value, str) else _ABSENT


def _texts(value: Any) -> Any:
    """Return a text. Lists, which some boards use for architectures, are joined."""
    if isinstance(value, list) and value and all(isinstance(part, str) for part in value):
        return ", ".join(value)
    return _text(value)


def _job(value: Any) -> Any:
    return value if isinstance(value, int | str) and not isinstance(value, bool) else _ABSENT


_READERS: dict[str, Callable[[Any], Any]] = {
    "base_model": _stripped,
    "revision": _stripped,
    "precision": _precision,
    "params": _params,
    "architectures": _texts,
    "weight_type": _weight_type,
    "status": _status,
    "submitted_time": _time,
    "model_type": _text,
    "job_id": _job,
    "job_start_time": _text,
    "use_chat_template": _flag,
    "enable_thinking": _flag,
    "think_end_token": _stripped,
    "sender": _text,
}
"""Reader of each field in foreign files. `_ABSENT` means unknown."""
