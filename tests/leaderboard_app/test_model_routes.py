from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from evalboard.settings import Settings
from tests.leaderboard_app.answered import (
    entry_of,
    write_answers,
    write_document,
    write_mirror,
    write_request,
)

N = 60


@pytest.fixture(scope="module")
def settings(home: Path) -> Settings:
    return Settings.model_validate(
        {"home": home / "data", "datasets": home / "mirror", "offline": True}
    )


@pytest.fixture
def client(
    http: httpx.Client, settings: Settings, board_folder: Any, make_row: Callable[..., Any]
) -> httpx.Client:
    row = make_row("org/m", 0.5, medmcqa__n=N)
    board_folder.write_board([row, make_row("org/other", 0.6)])
    results = Path(settings.store_address("results"))
    assert settings.datasets is not None
    write_document(results, row, {"medmcqa": write_mirror(settings.datasets, "medmcqa", N)})
    write_answers(results, row, "medmcqa", [True] * N)
    path = write_request(Path(settings.store_address("requests")), row)
    board_folder.write_queue([entry_of(row, path)])
    return http


def test_model_answer_is_not_sent_twice_and_follows_the_board(
    client: httpx.Client, board_folder: Any, make_row: Callable[..., Any]
) -> None:
    first = client.get("/data/model.json?id=org/m")
    assert first.json()["rank"] == 2
    known = {"If-None-Match": first.headers["etag"]}
    assert client.get("/data/model.json?id=org/m", headers=known).status_code == 304
    board_folder.write_board([make_row("org/m", 0.9)], built_at="2026-11-22T10:00:00Z")
    while (newer := client.get("/data/model.json?id=org/m", headers=known)).status_code == 304:
        pass
    assert newer.json()["rank"] == 1


def test_an_old_name_leads_to_the_new_one(
    client: httpx.Client, board_folder: Any, make_row: Callable[..., Any]
) -> None:
    row = make_row("org/m", 0.5, medmcqa__n=N)
    row |= {"model": "org/new", "former_names": ["org/m"]}
    board_folder.write_board([row, make_row("org/other", 0.6, former_names=[])])
    told = client.get("/data/model.json?id=org/m").json()
    assert (told["model"], told["former_names"]) == ("org/new", ["org/m"])
    old = {"m": f"org/m@{row['sha'][:8]}", "benchmark": "medmcqa"}
    assert client.get("/data/compare.json", params=old).json()["models"][0]["model"] == "org/new"
    assert client.get("/data/questions.json", params=old).json()["total"] == N


def test_provenance_names_documents_and_requests(client: httpx.Client) -> None:
    told = client.get("/data/provenance.json", params={"id": "org/m"}).json()
    assert [document["backend"] for document in told["documents"]] == ["vllm"]
    assert [len(request["history"]) for request in told["requests"]] == [3]


def test_questions_come_with_prompts(client: httpx.Client) -> None:
    asked = {"m": "org/m", "benchmark": "medmcqa", "limit": "2"}
    told = client.get("/data/questions.json", params=asked).json()
    assert told["total"] == N
    assert [question["prompt"]["text"][:10] for question in told["questions"]] == [
        "Question 0",
        "Question 1",
    ]


def test_answers_that_are_not_stored_are_said_to_be_absent(client: httpx.Client) -> None:
    asked = {"m": ["org/m", "org/other"], "benchmark": "medmcqa"}
    assert client.get("/data/questions.json", params=asked).json()["stored"] is False


def test_without_a_benchmark_the_first_with_stored_answers_is_shown(
    client: httpx.Client, settings: Settings, make_row: Callable[..., Any]
) -> None:
    other = make_row("org/other", 0.6)
    results = Path(settings.store_address("results"))
    write_document(results, other, {"pubmedqa": {}})
    write_answers(results, other, "pubmedqa", [True] * N)
    found = client.get("/data/questions.json", params={"m": "org/other"}).json()
    assert (found["benchmark"], found["stored"]) == ("pubmedqa", True)


def test_a_model_that_thinks_has_a_page(client: httpx.Client) -> None:
    asked = {"id": "org/m", "chat": "think"}
    assert client.get("/data/model.json", params=asked).status_code == 404


def test_what_the_board_does_not_have_is_not_found(client: httpx.Client) -> None:
    for address in (
        "model.json?id=no/such",
        "provenance.json?id=no/such",
        "compare.json?m=org/m&m=no/such",
        "questions.json?m=no/such&benchmark=medmcqa",
        "questions.json?m=org/m&benchmark=../../secret",
    ):
        assert client.get(f"/data/{address}").status_code == 404, address


def test_requests_that_make_no_sense_are_refused(client: httpx.Client) -> None:
    for address in (
        "model.json",
        f"model.json?id={'x' * 501}",
        "compare.json",
        "compare.json?" + "&".join(["m=org/m"] * 7),
        "questions.json?m=org/m&benchmark=medmcqa&limit=101",
        "questions.json?m=org/m&benchmark=medmcqa&offset=-1",
        "questions.json?m=org/m&benchmark=medmcqa&show=everything",
    ):
        assert client.get(f"/data/{address}").status_code == 422, address


def test_before_a_board_is_built_there_is_nothing(http: httpx.Client) -> None:
    assert http.get("/data/compare.json?m=org/m").status_code == 404
