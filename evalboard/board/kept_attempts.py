"""What documents give to a board, as JSON and back."""

from typing import Any

from evalboard.board.rows import Attempt
from evalboard.board.scores import Origin, Score, shared
from evalboard.identity import RowIdentity
from evalboard.records.in_words import InWords
from evalboard.records.result import ModelConfig
from evalboard.records.robustness import Robustness
from evalboard.records.spent import Spent


def to_json(attempt: Attempt) -> list[Any]:
    """Return a value for JSON."""
    identity, config, time, scores, _ = attempt
    return [identity, config.model_dump(mode="json"), time, scores]


def from_json(value: list[Any]) -> Attempt:
    """Return the attempt.

    Raises:
        TypeError: The value is none. ValueError: likewise.
    """
    identity, config, time, scores = value
    return Attempt(
        RowIdentity(*identity),
        ModelConfig.model_validate(config),
        time,
        {key: _score(score) for key, score in scores.items()},
    )


def _score(value: list[Any]) -> Score:
    kept: dict[str, Any] = dict(zip(Score._fields, value, strict=True))
    return Score(
        **kept
        | {
            "origin": shared(Origin(*kept["origin"])),
            "subjects": tuple(map(_score, kept["subjects"])),
            "in_words": kept["in_words"] and InWords(*kept["in_words"]),
            "spent": kept["spent"] and Spent(*kept["spent"]),
            "robustness": kept["robustness"] and Robustness(*kept["robustness"]),
        }
    )
