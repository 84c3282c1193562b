import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from evalboard.records.board_files import BoardMeta, SubjectColumn
from evalboard.records.request import ModelType
from evalboard.stores.local import LocalStore
from leaderboard_app.board_data import RankedBoard, read_ranked_board
from leaderboard_app.figures import (
    DIVERGING,
    GREY,
    INK,
    MANY_POINTS,
    TYPE_COLOURS,
    TYPE_SYMBOLS,
    Point,
    correlation,
    correlation_figure,
    running_best,
    score_titles,
    size_figure,
    subject_figure,
    time_figure,
)
from tests.leaderboard_app.test_theme import contrast

DARK, LIGHT = "#0b0f19", "#ffffff"


@pytest.fixture
def publish(board_folder: Any) -> Callable[..., tuple[BoardMeta, pa.Table]]:
    def write_and_read(*rows: dict[str, Any], **options: Any) -> tuple[BoardMeta, pa.Table]:
        board_folder.write_board(rows, **options)
        board: RankedBoard = read_ranked_board(LocalStore(board_folder.folder).snapshot())
        assert board.meta is not None
        return board.meta, board.table

    return write_and_read


def traces(figure: dict[str, Any]) -> dict[str, dict[str, Any]]:
    json.dumps(figure, allow_nan=False)
    return {trace["name"]: trace for trace in figure["data"]}


def test_score_against_size_has_every_known_model_and_the_pareto_front(
    publish: Callable[..., tuple[BoardMeta, pa.Table]], make_row: Callable[..., Any]
) -> None:
    rows = [
        make_row("o/small", 0.4, params_billion=1.0, model_type="chat"),
        make_row("o/worse", 0.2, params_billion=3.0, model_type="chat"),
        make_row("o/large", 0.7, params_billion=7.0, model_type="pretrained"),
        make_row("o/unknown", 0.9, params_billion=None),
        make_row("o/part", 0.9, lacks=["pubmedqa"]),
    ]
    drawn = traces(size_figure(*publish(*rows), "average", "en"))
    assert drawn["chat"]["text"] == ["o/small", "o/worse"]
    assert drawn["pretrained"]["y"] == [pytest.approx(100 * rows[2]["average"], abs=6e-3)]
    assert drawn["Pareto front"]["text"] == ["o/small", "o/large"]
    assert "unknown" not in drawn
    german = size_figure(*publish(*rows), "average", "de")
    assert german["layout"]["separators"] == ",."
    assert "0,3" in german["layout"]["xaxis"]["ticktext"]


def test_score_over_time_has_the_record_line(
    publish: Callable[..., tuple[BoardMeta, pa.Table]], make_row: Callable[..., Any]
) -> None:
    months = {"o/a": ("03", 0.5), "o/b": ("05", 0.4), "o/c": ("07", 0.8)}
    rows = [
        make_row(name, score, submitted_time=f"2026-{month}-01T00:00:00Z")
        for name, (month, score) in months.items()
    ]
    meta, table = publish(*rows)
    drawn = traces(time_figure(meta, table, "medmcqa", "de"))
    assert drawn["Rekord"]["text"] == ["o/a", "o/c"]
    assert time_figure(meta, table, "medmcqa", "en")["layout"]["yaxis"]["title"] == {
        "text": "MedMCQA"
    }
    assert [key for _, key in score_titles(meta, "en")][:2] == ["average", "medmcqa"]


def test_correlations_are_over_models_that_have_both(
    publish: Callable[..., tuple[BoardMeta, pa.Table]], make_row: Callable[..., Any]
) -> None:
    rows = [
        make_row(f"o/m{n}", 0.5, medmcqa=n / 10, pubmedqa=1 - n / 10, medqa_4options=None)
        for n in range(1, 6)
    ]
    meta, table = publish(*rows)
    figure = correlation_figure(meta, table, "en")
    json.dumps(figure, allow_nan=False)
    (cells,) = figure["data"]
    place = {benchmark.key: number for number, benchmark in enumerate(meta.benchmarks)}
    z = cells["z"]
    assert z[place["medmcqa"]][place["medmcqa"]] == pytest.approx(1)
    assert z[place["medmcqa"]][place["pubmedqa"]] == pytest.approx(-1)
    assert z[place["medmcqa"]][place["medqa_4options"]] is None


def test_correlation_needs_three_models_and_some_spread() -> None:
    two = np.array([0.1, 0.2])
    assert correlation(two, two) is None
    same = np.array([0.1, 0.1, 0.1])
    assert correlation(same, np.array([0.1, 0.2, 0.3])) is None


def test_heat_map_shows_the_subjects_of_a_group(
    publish: Callable[..., tuple[BoardMeta, pa.Table]],
    make_row: Callable[..., Any],
    hostile_name: str,
) -> None:
    subjects = {
        "medmcqa": [
            SubjectColumn(key="surgery", title="MedMCQA: surgery"),
            SubjectColumn(key="skin", title="MedMCQA: skin"),
        ]
    }
    rows = [
        make_row("o/best", 0.9, surgery=0.75, skin=None),
        make_row(hostile_name, 0.5, surgery=0.5, skin=0.25),
    ]
    meta, table = publish(*rows, subjects=subjects)
    figure = subject_figure(meta, table, "medmcqa", "en")
    (cells,) = figure["data"]
    assert cells["x"] == ["surgery", "skin"]
    assert cells["z"] == [[75.0, None], [50.0, 25.0]]
    assert len(figure["data"][0]["y"]) == 2
    assert "<" not in json.dumps(figure["data"][0]["y"])
    (cells,) = subject_figure(meta, table, "average", "en")["data"]
    assert len(cells["x"]) == len(meta.benchmarks)


def test_models_of_one_name_are_rows_of_their_own(
    publish: Callable[..., tuple[BoardMeta, pa.Table]], make_row: Callable[..., Any]
) -> None:
    rows = [make_row("o/m", 0.6), make_row("o/m", 0.3, precision="4bit")]
    (cells,) = subject_figure(*publish(*rows), "average", "en")["data"]
    assert cells["y"] == ["o/m", "o/m (2)"]


def test_names_are_text_for_plotly_which_reads_tags(
    publish: Callable[..., tuple[BoardMeta, pa.Table]], make_row: Callable[..., Any]
) -> None:
    rows = [make_row('<a href="javascript:x">y</a>/m', 0.6, model_type="chat")]
    drawn = traces(size_figure(*publish(*rows), "average", "en"))
    assert drawn["chat"]["text"] == ['&lt;a href="javascript:x"&gt;y&lt;/a&gt;/m']


def test_many_models_are_drawn_by_the_graphics_card(
    publish: Callable[..., tuple[BoardMeta, pa.Table]], make_row: Callable[..., Any]
) -> None:
    one = make_row("o/m", 0.5, model_type="chat", params_billion=2.0)
    rows = [one | {"model": f"o/m{number}"} for number in range(MANY_POINTS + 1)]
    drawn = traces(size_figure(*publish(*rows), "average", "en"))
    assert drawn["chat"]["type"] == "scattergl"
    assert len(drawn["Pareto front"]["x"]) == 1


def test_a_running_best_rises() -> None:
    points = [
        Point(x, y, f"{x}{y}", ModelType.CHAT) for x, y in [(3, 5), (1, 2), (1, 4), (2, 4), (4, 6)]
    ]
    assert [(point.x, point.y) for point in running_best(points)] == [(1, 4), (3, 5), (4, 6)]


@pytest.mark.parametrize("colour", sorted({*TYPE_COLOURS.values(), GREY}))
@pytest.mark.parametrize("background", [DARK, LIGHT])
def test_points_stand_out_in_light_and_in_dark(colour: str, background: str) -> None:
    assert contrast(colour, background) >= 3


@pytest.mark.parametrize("colour", [colour for _, colour in DIVERGING])
def test_digits_can_be_read_on_every_colour_of_the_correlations(colour: str) -> None:
    assert contrast(INK, colour) >= 4.5


def test_types_differ_in_colour_and_in_shape() -> None:
    assert len(set(TYPE_COLOURS.values())) == len(set(TYPE_SYMBOLS.values())) == len(ModelType)
