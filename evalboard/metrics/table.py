"""All metrics from stored answers. A new one is a function, and a line here."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from evalboard.board.statistics import wilson_interval
from evalboard.metrics.answered import Answered
from evalboard.metrics.calibration import (
    brier_score,
    confidence_auroc,
    expected_calibration_error,
    selective_accuracy,
)
from evalboard.metrics.classes import macro_f1
from evalboard.metrics.pointwise import med_halt_score, pointwise_score
from evalboard.metrics.positions import position_bias

METRICS: Mapping[str, Callable[[Answered], float | None]] = {
    "pointwise_score": pointwise_score,
    "med_halt_score": med_halt_score,
    "expected_calibration_error": expected_calibration_error,
    "brier_score": brier_score,
    "confidence_auroc": confidence_auroc,
    "selective_accuracy": selective_accuracy,
    "macro_f1": macro_f1,
    "position_bias": position_bias,
}


def compute(answered: Answered) -> dict[str, Any]:
    """Return accuracy with its Wilson interval, all metrics that apply, and the accuracy by subject."""
    found = {name: metric(answered) for name, metric in METRICS.items()}
    return {
        **_accuracy(answered.correct.tolist()),
        **{name: value for name, value in found.items() if value is not None},
        "subjects": _subjects(answered),
    }


def _subjects(answered: Answered) -> dict[str, dict[str, Any]]:
    names = np.array(answered.subjects)
    return {
        name: _accuracy(answered.correct[names == name].tolist())
        for name in sorted(set(answered.subjects))
        if name
    }


def _accuracy(correct: list[bool]) -> dict[str, Any]:
    share = sum(correct) / len(correct)
    return {"accuracy": share, **wilson_interval(share, len(correct))._asdict(), "n": len(correct)}
