from typing import Any

import pytest

from evalboard.errors import ConfigError
from evalboard.queueing.queries import RequestQuery, find_one, matching
from evalboard.records.request import Status
from evalboard.stores.requests import QueuedRequest
from tests.queueing.conftest import SHA, make

OTHER = "f" * 40
ANY = tuple(Status)


def entry(model: str = "org/model", **fields: Any) -> QueuedRequest:
    record = make(model, **fields)
    return QueuedRequest(record.path, record)


FINISHED = entry(status=Status.FINISHED)
FAILED = entry(status=Status.FAILED, precision="8bit")
NEWER = entry(status=Status.FAILED, revision=OTHER)
BROKEN = QueuedRequest("org/broken.json", None, "It is no JSON.")
QUEUE = [FINISHED, FAILED, NEWER, BROKEN, entry("org/model-chat")]


def test_a_path_means_one_request() -> None:
    assert find_one(QUEUE, RequestQuery(FAILED.path), ANY).path == FAILED.path


def test_a_model_with_one_request_is_enough() -> None:
    assert find_one(QUEUE, RequestQuery("Org/Model-Chat"), ANY).record.model == "org/model-chat"


def test_revision_and_precision_tell_requests_apart() -> None:
    assert find_one(QUEUE, RequestQuery("org/model", OTHER[:7]), ANY).path == NEWER.path
    assert find_one(QUEUE, RequestQuery("org/model", "", "8BIT"), ANY).path == FAILED.path
    assert find_one(QUEUE, RequestQuery("org/model", SHA, "float16"), ANY).path == FINISHED.path


def test_of_several_the_one_is_meant_that_the_action_is_for() -> None:
    found = find_one(QUEUE, RequestQuery("org/model", SHA), (Status.FAILED, Status.REJECTED))
    assert found.path == FAILED.path


def test_what_may_mean_several_is_refused_with_the_candidates() -> None:
    with pytest.raises(ConfigError, match="matches 2 requests") as exc:
        find_one(QUEUE, RequestQuery("org/model"), (Status.FAILED,))
    assert FAILED.path in exc.value.message
    assert NEWER.path in exc.value.message
    assert FINISHED.path not in exc.value.message


SUITES = [
    entry(block={"suite": "open-medical"}),
    QueuedRequest("b.json", make("org/model", block={"suite": "open-medical-cot"})),
]


def test_candidates_for_several_suites_are_told_apart() -> None:
    with pytest.raises(ConfigError, match=r"open-medical\), b\.json \(.*, open-medical-cot\)"):
        find_one(SUITES, RequestQuery("org/model"), ANY)


@pytest.mark.parametrize(
    ("suite", "path"), [("open-medical", SUITES[0].path), ("open-medical-cot", "b.json")]
)
def test_a_suite_is_enough_to_tell_them_apart(suite: str, path: str) -> None:
    query = RequestQuery("org/model", suite=suite)
    assert find_one(SUITES, query, ANY).path == path


def test_a_request_without_a_suite_is_the_first_boards() -> None:
    query = RequestQuery("org/model", SHA, "float16", "open-medical")
    assert find_one(QUEUE, query, ANY, board_suite="open-medical").path == FINISHED.path
    with pytest.raises(ConfigError, match="suite"):
        find_one(QUEUE, query, ANY, board_suite="demo")


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        (RequestQuery("org/modle"), "Did you mean: .*org/model"),
        (RequestQuery("zzz"), "evalboard status"),
        (
            RequestQuery("org/model", "abc"),
            "this revision, precision and suite. Its requests are: .*FINISHED",
        ),
        (RequestQuery("org/broken.json"), "It is no JSON"),
    ],
)
def test_what_is_unknown_is_refused_with_advice(wanted: RequestQuery, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        find_one(QUEUE, wanted, ANY)


def test_all_that_fit_are_found_in_order() -> None:
    assert [found.path for found in matching(QUEUE, RequestQuery("org/model"))] == [
        FINISHED.path,
        FAILED.path,
        NEWER.path,
    ]
