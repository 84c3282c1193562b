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
    (
        (score, stderr, n, origin, subjects),
        (n_cut, n_unfinished, in_words, robustness, budget),
        (time, folder, spent),
    ) = value[:5], value[5:10], value[10:]
    return Score(
        score,
        stderr,
        n,
        shared(Origin(*origin)),
        tuple(map(_score, subjects)),
        n_cut,
        n_unfinished,
        in_words and InWords(*in_words),
        robustness and Robustness(*robustness),
        budget,
        time,
        folder,
        spent and Spent(*spent),
    )
