from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from evalboard.board.measured import find_measured
from evalboard.board.rows import read_attempts
from evalboard.board.table import Board, build_board
from evalboard.records.notice import Notice, NoticeKind, Renames
from evalboard.records.result import ResultDocument
from evalboard.suites.model import Suite

MakeDocument = Callable[..., ResultDocument]
SCORES = {"anatomy": 0.5, "doses": 0.5}


def board(suite: Suite, documents: list[ResultDocument], *notices: Notice) -> Board:
    return build_board(
        read_attempts(documents, suite),
        suite,
        revision="r",
        now=datetime(2026, 12, 1, tzinfo=UTC),
        notices=notices,
    )


def rows_of(built: Board) -> dict[str, dict[str, Any]]:
    return {row["model"]: row for row in built.frame.to_dict("records")}


@pytest.fixture
def documents(document: MakeDocument) -> list[ResultDocument]:
    return [document(SCORES, model_name=name) for name in ("org/one", "org/two")]


def test_a_flagged_model_keeps_its_scores_and_loses_its_rank(
    suite: Suite, documents: list[ResultDocument]
) -> None:
    flag = Notice(model="ORG/One", kind=NoticeKind.FLAGGED, reason="Trained on the test")
    built = board(suite, documents, flag)
    one, two = (rows_of(built)[model] for model in ("org/one", "org/two"))
    assert (one["average"], one["ranked"], list(one["flags"])) == (0.5, False, ["flagged"])
    assert (two["ranked"], list(two["flags"])) == (True, [])
    assert built.meta.notices == (flag,)
    assert built.meta.content_hash != board(suite, documents).meta.content_hash


def test_a_hidden_model_is_nowhere(suite: Suite, documents: list[ResultDocument]) -> None:
    built = board(suite, documents, Notice(model="org/one", kind=NoticeKind.HIDDEN, reason="x"))
    assert list(rows_of(built)) == ["org/two"]
    assert built.meta.notices == ()


def renamed(model: str, new_name: str) -> Notice:
    return Notice(model=model, kind=NoticeKind.RENAMED, new_name=new_name)


def test_a_renamed_model_stands_under_its_new_name(
    suite: Suite, documents: list[ResultDocument]
) -> None:
    chain = (renamed("ORG/One", "org/later"), renamed("org/later", "lab/now"))
    built = board(suite, documents, *chain)
    assert sorted(rows_of(built)) == ["lab/now", "org/two"]
    now = rows_of(built)["lab/now"]
    assert list(now["former_names"]) == ["org/later", "org/one"]
    assert (now["org"], now["ranked"], list(now["flags"])) == ("lab", True, [])
    assert {(n.model, n.new_name) for n in built.meta.notices} == {
        ("ORG/One", "lab/now"),
        ("org/later", "lab/now"),
    }


def test_a_model_that_was_measured_under_both_names_has_one_row(
    suite: Suite, document: MakeDocument
) -> None:
    documents = [
        document({"anatomy": 0.5}, model_name="org/one"),
        document({"doses": 0.7}, model_name="org/two"),
    ]
    (row,) = rows_of(board(suite, documents, renamed("org/one", "org/two"))).values()
    assert (row["model"], row["anatomy"], row["doses"]) == ("org/two", 0.5, 0.7)


def test_a_new_name_keeps_what_was_said_of_the_old_one(
    suite: Suite, documents: list[ResultDocument]
) -> None:
    flag = Notice(model="org/one", kind=NoticeKind.FLAGGED, reason="Trained on the test")
    built = board(suite, documents, flag, renamed("org/one", "org/new"))
    assert list(rows_of(built)["org/new"]["flags"]) == ["flagged"]
    assert built.meta.notices[0].model == "org/new"
    hidden = Notice(model="org/one", kind=NoticeKind.HIDDEN)
    built = board(suite, documents, flag, hidden, renamed("org/one", "org/new"))
    assert list(rows_of(built)) == ["org/two"]
    assert built.meta.notices == ()


def test_names_that_lead_in_a_circle_end() -> None:
    renames = Renames([renamed("org/a", "org/b"), renamed("org/b", "org/a")])
    assert renames.names("org/a") == ["org/a", "org/b"]


def test_a_row_is_found_under_each_name(suite: Suite, documents: list[ResultDocument]) -> None:
    notices = [renamed("org/one", "org/new")]
    for name in ("org/one", "org/new", "ORG/one@aaaa float16"):
        found = find_measured(name, documents, suite, notices)
        assert found.row.identity.model == "org/new"
        assert found.newest.config.model_name == "org/one"


@pytest.mark.parametrize(("kind", "column"), [("merge", "merged"), ("mixture", "moe")])
def test_what_a_model_is_made_of_is_said(
    kind: str, column: str, suite: Suite, documents: list[ResultDocument]
) -> None:
    built = rows_of(board(suite, documents, Notice(model="org/one", kind=NoticeKind(kind))))
    assert built["org/one"][column] is True
    assert built["org/two"][column] is not True


def test_a_copy_is_found_by_its_weights(suite: Suite, document: MakeDocument) -> None:
    models = {"org/late": "2026-11-02", "org/first": "2026-11-01", "org/other": "2026-11-03"}
    documents = [
        document(
            SCORES,
            model_name=name,
            submitted_time=f"{day}T00:00:00Z",
            weights_digest="other" if name == "org/other" else "same",
        )
        for name, day in models.items()
    ]
    built = board(suite, documents)
    flags = {model: list(row["flags"]) for model, row in rows_of(built).items()}
    assert flags == {"org/late": ["copy"], "org/first": [], "org/other": []}
    (notice,) = built.meta.notices
    assert (notice.model, notice.reason) == ("org/late", "The same weights as org/first")


def test_two_rows_of_one_model_are_no_copies(suite: Suite, document: MakeDocument) -> None:
    precisions = ("float16", "bfloat16")
    documents = [document(SCORES, model_dtype=p, weights_digest="same") for p in precisions]
    built = board(suite, documents)
    assert built.meta.notices == ()


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "flagged"},
        {"kind": "renamed"},
        {"kind": "flagged", "reason": "x", "link": "javascript:alert(1)"},
    ],
)
def test_a_notice_says_enough(fields: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Notice.model_validate({"model": "org/one"} | fields)
