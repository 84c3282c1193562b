"""The charts of the analysis page, as Plotly figures in plain dictionaries. No I/O here.

Gradio's own bundle draws them. Backgrounds are transparent and texts take the page's colour (by
`static/analysis.css`), so a chart works in light and dark mode. Colours are close to those of Okabe
and Ito, dark enough for both backgrounds; each type also has a shape. The scales are cividis and
blue to orange, which colour-blind people can distinguish.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from evalboard.records.board_files import BenchmarkColumn, BoardMeta
from evalboard.records.request import ModelType
from leaderboard_app.board_rows import values
from leaderboard_app.language import separators, t

Figure = dict[str, Any]

GREY = "#7f7f7f"
TYPE_COLOURS = {
    ModelType.PRETRAINED: "#009e73",
    ModelType.CONTINUOUSLY_PRETRAINED: "#3f8f78",
    ModelType.FINE_TUNED: "#b97f00",
    ModelType.INSTRUCTION_TUNED: "#d55e00",
    ModelType.RL_TUNED: "#0072b2",
    ModelType.CHAT: "#3a8fc4",
    ModelType.MERGE: "#c0679a",
    ModelType.UNKNOWN: GREY,
}
TYPE_SYMBOLS = {
    ModelType.PRETRAINED: "circle",
    ModelType.CONTINUOUSLY_PRETRAINED: "square",
    ModelType.FINE_TUNED: "diamond",
    ModelType.INSTRUCTION_TUNED: "circle-open",
    ModelType.RL_TUNED: "square-open",
    ModelType.CHAT: "triangle-up",
    ModelType.MERGE: "cross",
    ModelType.UNKNOWN: "x",
}
DIVERGING = [[0, "#67a9cf"], [0.25, "#b5d6e8"], [0.5, "#f7f7f7"], [0.75, "#fdd5b1"], [1, "#f0a35e"]]
"""Light throughout, so that dark digits can be read on every colour."""
INK = "#1f2937"
SIZES = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000)
"""Marked parameters, in billions."""
MANY_POINTS = 1000
"""Number of points from which the graphics card draws them."""
HEAT_ROWS = 25
MOST_WRITTEN = 12
"""Limit of columns up to which a heat map shows its numbers."""
FEWEST_PAIRS = 3
"""Minimum number of models for a correlation."""
AVERAGE = "average"
"""Column of the board."""
SENT_DECIMALS = 2
"""Decimals of percentages, as many as are shown: rounding twice would show other figures."""
HEIGHT = 460
WIDEST_TITLE = 40
"""Limit of characters of an axis title."""


class Point(NamedTuple):
    """A model in a scatter chart."""

    x: Any
    y: float
    model: str
    model_type: ModelType


def score_titles(meta: BoardMeta, language: str) -> list[tuple[str, str]]:
    """Return title and column of every score that a chart can show."""
    return [
        (t("Average", language), AVERAGE),
        *((benchmark.title, benchmark.key) for benchmark in meta.benchmarks),
    ]


def size_figure(meta: BoardMeta, table: pa.Table, score: str, language: str) -> Figure:
    """Return score against parameters, with the Pareto front: no smaller model scores higher."""
    points = _points(table, "params_billion", score)
    points = [point for point in points if point.x > 0]
    front = running_best(points)
    traces = [*_by_type(points, language), _line(front, t("Pareto front", language))]
    axis = {
        "type": "log",
        "title": {"text": t("Parameters, billion", language)},
        "tickvals": SIZES,
        "ticktext": [f"{size:g}".replace(".", separators(language)[0]) for size in SIZES],
    }
    return _scores_figure(traces, axis, _title(meta, score, language), language)


def time_figure(meta: BoardMeta, table: pa.Table, score: str, language: str) -> Figure:
    """Return score against the time of submission, with the line of records."""
    points = [point for point in _points(table, "submitted_time", score) if point.x]
    record = running_best(points)
    traces = [*_by_type(points, language), _line(record, t("Record", language))]
    axis = {"type": "date", "title": {"text": t("Submitted", language)}}
    return _scores_figure(traces, axis, _title(meta, score, language), language)


def correlation_figure(meta: BoardMeta, table: pa.Table, language: str) -> Figure:
    """Return Pearson's correlation of the benchmarks' scores over all models."""
    titles = [_short(benchmark.title) for benchmark in meta.benchmarks]
    columns = [_numbers(table, benchmark.key) for benchmark in meta.benchmarks]
    cells = [[correlation(one, other) for other in columns] for one in columns]
    trace = {
        "type": "heatmap",
        "x": titles,
        "y": titles,
        "z": cells,
        "zmin": -1,
        "zmax": 1,
        "colorscale": DIVERGING,
        "texttemplate": "%{z:.2f}" if len(titles) <= MOST_WRITTEN else "",
        "textfont": {"color": INK},
        "hovertemplate": "%{y} · %{x}<br>r = %{z:.2f}<extra></extra>",
        "colorbar": {"title": {"text": "r"}, "thickness": 12},
    }
    return _heat_figure(trace, language, rows=len(titles))


def subject_figure(meta: BoardMeta, table: pa.Table, group: str, language: str) -> Figure:
    """Return the best models' scores by subject.

    Args:
        meta: The board's description.
        table: Its rows, best first.
        group: Key of a group, whose subjects are shown; the board's benchmarks for any other.
        language: Language of the texts.
    """
    benchmark = next((b for b in meta.benchmarks if b.key == group and b.subjects), None)
    shown = benchmark.subjects if benchmark else meta.benchmarks
    best = table.slice(0, HEAT_ROWS)
    names = _distinct([_short(str(name)) for name in values(best, "model")])
    trace = {
        "type": "heatmap",
        "x": _distinct([_short(_subject_title(column.title, benchmark)) for column in shown]),
        "y": names,
        "z": np.array([_numbers(best, column.key) for column in shown]).T.tolist(),
        "colorscale": "Cividis",
        "hovertemplate": "%{y}<br>%{x}: %{z:.1f}<extra></extra>",
        "colorbar": {"title": {"text": t("Score", language)}, "thickness": 12},
    }
    trace["z"] = [[None if math.isnan(z) else 100 * z for z in row] for row in trace["z"]]
    return _heat_figure(trace, language, rows=len(names))


def running_best(points: Sequence[Point]) -> list[Point]:
    """Return the points that are higher than all points to their left, from left to right."""
    best: list[Point] = []
    for point in sorted(points, key=lambda point: (point.x, -point.y)):
        if not best or point.y > best[-1].y:
            best.append(point)
    return best


def correlation(one: np.ndarray, other: np.ndarray) -> float | None:
    """Return Pearson's correlation over the rows that have both numbers.

    The result is None with fewer than three such rows, or if a column is constant.
    """
    both = ~(np.isnan(one) | np.isnan(other))
    one, other = one[both], other[both]
    if len(one) < FEWEST_PAIRS or not np.ptp(one) or not np.ptp(other):
        return None
    return float(np.corrcoef(one, other)[0, 1])


def _points(table: pa.Table, across: str, score: str) -> list[Point]:
    xs, ys, names = (values(table, name) for name in (across, score, "model"))
    types = values(table, "model_type") or [""] * len(names)
    if not xs or not ys:
        return []
    rows = zip(xs, ys, names, types, strict=True)
    return [
        Point(x, round(100 * y, SENT_DECIMALS), name, ModelType.parse(str(kind)))
        for x, y, name, kind in rows
        if x is not None and y is not None
    ]


def _by_type(points: Sequence[Point], language: str) -> list[Figure]:
    kind = "scattergl" if len(points) > MANY_POINTS else "scatter"
    traces: list[Figure] = []
    for model_type in ModelType:
        some = [point for point in points if point.model_type == model_type]
        if not some:
            continue
        marker = {
            "color": TYPE_COLOURS[model_type],
            "symbol": TYPE_SYMBOLS[model_type],
            "size": 8,
            "opacity": 0.8,
        }
        traces.append(
            _trace(some, kind, t(model_type.value, language), mode="markers") | {"marker": marker}
        )
    return traces


def _line(points: Sequence[Point], name: str) -> Figure:
    line = {"color": GREY, "width": 2, "dash": "dot", "shape": "hv"}
    return _trace(points, "scatter", name, mode="lines") | {"line": line}


def _trace(points: Sequence[Point], kind: str, name: str, *, mode: str) -> Figure:
    return {
        "type": kind,
        "mode": mode,
        "name": name,
        "x": [point.x for point in points],
        "y": [point.y for point in points],
        "text": [_escape(point.model) for point in points],
        "customdata": [point.model for point in points],
        "hovertemplate": "%{text}<br>%{x} · %{y:.2f}<extra></extra>",
    }


def _scores_figure(traces: list[Figure], across: Figure, title: str, language: str) -> Figure:
    return {
        "data": traces,
        "layout": _layout(HEIGHT, language)
        | {
            "xaxis": _axis() | across,
            "yaxis": _axis() | {"title": {"text": title}},
            "legend": {
                "orientation": "h",
                "yref": "container",
                "y": 0,
                "yanchor": "bottom",
                "x": 0,
            },
            "hovermode": "closest",
        },
        "config": _config(),
    }


def _heat_figure(trace: Figure, language: str, *, rows: int) -> Figure:
    """A cell of a heat map is never smaller than its row's title."""
    axis = {"automargin": True, "tickfont": {"size": 11}, "showgrid": False, "zeroline": False}
    return {
        "data": [trace],
        "layout": _layout(max(HEIGHT, 140 + 22 * rows), language)
        | {
            "xaxis": axis | {"tickangle": -45, "type": "category"},
            "yaxis": axis | {"autorange": "reversed", "type": "category"},
        },
        "config": _config(),
    }


def _layout(height: int, language: str) -> Figure:
    return {
        "height": height,
        "separators": separators(language),
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": GREY, "family": "Inter Board, sans-serif"},
        "margin": {"l": 60, "r": 20, "t": 40, "b": 60},
    }


def _axis() -> Figure:
    return {"gridcolor": "rgba(127,127,127,0.25)", "zeroline": False, "automargin": True}


def _config() -> Figure:
    return {"displaylogo": False, "responsive": True}


def _title(meta: BoardMeta, score: str, language: str) -> str:
    return next((title for title, key in score_titles(meta, language) if key == score), score)


def _subject_title(title: str, benchmark: BenchmarkColumn | None) -> str:
    return title.removeprefix(f"{benchmark.title}: ") if benchmark else title


def _numbers(table: pa.Table, name: str) -> np.ndarray:
    found = values(table, name) or [None] * table.num_rows
    return np.array([math.nan if value is None else value for value in found], dtype=float)


def _distinct(names: Sequence[str]) -> list[str]:
    """Return distinct names: a heat map would merge rows with the same name."""
    seen: dict[str, int] = {}
    distinct: list[str] = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        distinct.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return distinct


def _short(title: str) -> str:
    return _escape(title if len(title) <= WIDEST_TITLE else f"…{title[1 - WIDEST_TITLE :]}")


def _escape(text: str) -> str:
    """Return a text that Plotly shows literally: it would interpret some tags, such as links."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
