"""The named endpoints, called by Gradio's own client."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from leaderboard_app.gradio_api import CALLS_EACH


def test_gradios_client_calls_three_typed_endpoints(
    viewer_address: str,
    board_folder: Any,
    make_row: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
    rows = [make_row("org/best", 0.8), make_row("org/other", 0.4), make_row("lab/x", 0.3)]
    board_folder.write_board(rows)
    client = Client(viewer_address, verbose=False, download_files=False, analytics_enabled=False)
    told: Any = client.view_api(return_format="dict", print_info=False)
    parameters = {
        name: [(p["parameter_name"], p["python_type"]["type"]) for p in endpoint["parameters"]]
        for name, endpoint in told["named_endpoints"].items()
    }
    assert parameters.keys() == {"/board", "/model", "/compare"}
    assert parameters["/model"] == [("name", "str")]

    found = client.predict(search="ORG/", api_name="/board")
    assert [row["model"] for row in found] == ["org/best", "org/other"]
    assert found[0]["medmcqa"] == rows[0]["medmcqa"]
    assert len(client.predict("", 1, api_name="/board")) == 1
    assert client.predict("lab/x", api_name="/model")["rank"] == 3
    compared = client.predict(models=["org/best", "org/other"], api_name="/compare")
    assert [model["model"] for model in compared["models"]] == ["org/best", "org/other"]
    with pytest.raises(AppError, match="no such model"):
        client.predict("no/such", api_name="/model")
    with pytest.raises(AppError, match="takes other values"):
        client.predict("org/best", api_name="/compare")


def test_calls_whose_results_nobody_reads_are_few(http: httpx.Client) -> None:
    call = {"data": ["x"], "fn_index": 0, "session_hash": "s"}
    numbers = range(40)
    answers = [http.post("/gradio_api/queue/join", json=call | {"fn_index": n}) for n in numbers]
    assert [answer.status_code for answer in answers].count(200) == 3
    number = next(n for n, answer in enumerate(answers) if answer.is_success)
    more = [http.post("/gradio_api/queue/join", json=call | {"fn_index": number}) for _ in numbers]
    assert [answer.status_code for answer in more].count(200) == CALLS_EACH - 3
    assert http.post("/gradio_api/queue/join", json={"data": []}).status_code == 422
    stream = http.get("/gradio_api/queue/data", params={"session_hash": "s"}).text
    assert stream.count("process_completed") == CALLS_EACH
