from collections.abc import Callable
from typing import Any

import pytest

from evalboard.stores.local import LocalStore
from leaderboard_app.board_data import Board, read_board
from leaderboard_app.model_page import format_time, model_details

Publish = Callable[..., Board]


@pytest.fixture
def publish(board_folder: Any) -> Publish:
    def write_and_read(*rows: dict[str, Any]) -> Board:
        board_folder.write_board(rows)
        return read_board(LocalStore(board_folder.folder).snapshot())

    return write_and_read


def test_shows_scores_with_intervals_and_where_they_come_from(
    publish: Publish, make_row: Callable[..., Any]
) -> None:
    row = make_row("org/m", 0.5)
    page = model_details(publish(row), {"id": "org/m"})
    assert f"{100 * row['medmcqa']:.2f}" in page
    assert f"{100 * row['medmcqa__low']:.1f} – {100 * row['medmcqa__high']:.1f}" in page
    assert "4,183" in page
    assert f"https://huggingface.co/org/m/tree/{row['sha']}" in page
    for known in ("LlamaForCausalLM", "0.4.13", "clinic-lab", "2026-11-20 09:45 UTC"):
        assert known in page


def test_marks_an_incomplete_model(publish: Publish, make_row: Callable[..., Any]) -> None:
    page = model_details(publish(make_row("org/m", 0.5, lacks=["pubmedqa"])), {"id": "org/m"})
    assert "Incomplete" in page
    assert "—" in page


def test_leaves_out_what_is_not_known(publish: Publish, make_row: Callable[..., Any]) -> None:
    unknown = {"license": "", "params_billion": None, "flags": []}
    page = model_details(publish(make_row("org/m", 0.5, **unknown)), {"id": "org/m"})
    for label in ("Licence", "Parameters", "Flags", "Base model"):
        assert label not in page


def test_shows_the_evaluation_that_the_address_names_and_links_the_others(
    publish: Publish, make_row: Callable[..., Any]
) -> None:
    board = publish(make_row("o/m", 0.6), make_row("o/m", 0.3, precision="4bit"))
    page = model_details(board, {"id": "o/m", "precision": "4bit"})
    assert "<dd>\n        4bit" in page
    assert "model?id=o%2Fm&amp;sha=" in page
    assert "precision=bfloat16" in page


def test_escapes_what_strangers_wrote(
    publish: Publish, make_row: Callable[..., Any], hostile_name: str
) -> None:
    board = publish(make_row(hostile_name, 0.5, license=hostile_name, sender=hostile_name))
    page = model_details(board, {"id": hostile_name})
    assert "<img" not in page
    assert page.count("&lt;img") == 3


def test_an_unknown_model_is_explained(publish: Publish, make_row: Callable[..., Any]) -> None:
    board = publish(make_row("o/m", 0.5))
    for query in ({}, {"id": "no/such"}, {"id": "o/m", "sha": "0000"}):
        assert "not on the board" in model_details(board, query)


def test_an_unbuilt_board_has_no_models(board_folder: Any) -> None:
    board = read_board(LocalStore(board_folder.folder).snapshot())
    assert "not on the board" in model_details(board, {"id": "o/m"})


def test_formats_stamps_only() -> None:
    assert format_time("2026-11-20T09:45:10Z") == "2026-11-20 09:45 UTC"
    assert format_time("yesterday") == "yesterday"
