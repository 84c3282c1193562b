"""What a reading earns: the metrics of one question, 0 or 1 each."""

from evalboard.reading.answers import Reading, State

ACCURACY, STRICT = "acc", "strict_acc"
METRICS = (ACCURACY, STRICT, *map(str, State))
"""Every question counts for each of them, whatever became of its answer; exactly one state is 1."""


def marks(reading: Reading, right: str) -> dict[str, float]:
    """Return the metrics of one question.

    Args:
        reading: What was read.
        right: Letter of the right choice.
    """
    is_right = reading.letter == right
    states = {str(state): float(reading.state is state) for state in State}
    return {ACCURACY: float(is_right), STRICT: float(is_right and reading.is_strict), **states}


def read_columns(reading: Reading) -> dict[str, str | None]:
    """Return the columns of what was read from an answer in words."""
    letter = reading.letter or ""
    rule = reading.rule and str(reading.rule)
    return {"answer": letter, "extracted": letter, "state": str(reading.state), "rule": rule}
