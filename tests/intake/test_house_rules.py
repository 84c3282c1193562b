from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalboard.errors import ConfigError
from evalboard.intake.house_rules import (
    WEEK,
    Rules,
    count_submissions,
    denial,
    excess,
    first_of_same,
    load_rules,
    refusals,
)
from evalboard.records.request import RequestRecord, Status
from evalboard.records.times import timestamp
from evalboard.settings import Settings
from evalboard.stores.requests import QueuedRequest
from tests.queueing.conftest import NOW, SHA, make


def sent(days_ago: float, model: str = "org/model", **fields: Any) -> RequestRecord:
    """A request that came through `submit` some days ago."""
    time = timestamp(NOW - timedelta(days=days_ago))
    history = [{"status": "PENDING", "time": time, "reason": "submitted"}]
    block = {"history": history} | fields.pop("block", {})
    return make(model, submitted_time=time, block=block, **fields)


def entries(*records: RequestRecord) -> list[QueuedRequest]:
    return [
        QueuedRequest(f"{number}.json", record, is_signed=True)
        for number, record in enumerate(records)
    ]


def refused(*records: RequestRecord, rules: Rules) -> dict[str, str]:
    found = refusals(entries(*records), rules, suite="demo", now=NOW)
    return {path: finding.code for path, finding in found.items()}


@pytest.mark.parametrize(
    ("pattern", "denied"),
    [
        ("org/model", True),
        ("ORG/Model", True),
        ("org/*", True),
        ("*/model", True),
        ("org/mod", False),
        ("base/*", True),
        ("org", True),
        ("o*", True),
        ("a lab", True),
        ("model", False),
        ("other/*", False),
    ],
)
def test_the_deny_list_names_models_bases_organisations_and_senders(
    pattern: str, denied: bool
) -> None:
    rules = Rules(denied=(pattern.casefold(),))
    finding = denial(rules, model="Org/Model", base_model="base/one", sender=" A Lab")
    assert (finding is not None) is denied
    if finding:
        assert (finding.code, finding.level) == ("denied", "error")


def test_rules_come_from_the_settings_and_a_file(tmp_path: Path) -> None:
    listed = tmp_path / "denied.txt"
    listed.write_text("# spam\nSpam/*\n\n  Somebody  \n", encoding="utf-8")
    settings = Settings.model_validate(
        {
            "denied": "Org/*, x/y",
            "denied_file": listed,
            "submissions_per_week": 3,
            "submission_exceptions": "Big Lab=unlimited",
        }
    )
    rules = load_rules(settings)
    assert rules.denied == ("org/*", "x/y", "spam/*", "somebody")
    assert rules.allowance("BIG LAB ") is None
    assert rules.allowance("small lab") == rules.allowance("") == 3


def test_a_deny_list_that_is_gone_is_a_setting_to_fix(tmp_path: Path) -> None:
    settings = Settings.model_validate({"denied_file": tmp_path / "missing.txt"})
    with pytest.raises(ConfigError, match="EVALBOARD_DENIED_FILE"):
        load_rules(settings)


def test_nothing_is_refused_without_rules() -> None:
    assert refused(*(sent(0, f"org/m{n}") for n in range(50)), rules=Rules()) == {}


def test_one_more_than_allowed_is_too_many() -> None:
    queue = entries(sent(6, sender="A"), sent(1, sender="a "), sent(2, sender="b"))
    assert excess(queue, Rules(3), make(sender="A"), now=NOW) is None
    finding = excess(queue, Rules(2), make(sender="a"), now=NOW)
    assert finding is not None
    assert finding.code == "too_many_submissions"
    assert timestamp(NOW - timedelta(days=6) + WEEK) in finding.fix
    assert excess(queue, Rules(2, {"a": None}), make(sender="A"), now=NOW) is None
    assert excess(queue, Rules(2, {"a": 3}), make(sender="A"), now=NOW) is None
    assert excess(queue, Rules(None, {"a": 1}), make(sender="A"), now=NOW) is not None


def test_who_may_not_submit_at_all_is_told_so() -> None:
    finding = excess([], Rules(0), make(sender=""), now=NOW)
    assert finding is not None
    assert "accepts no submissions from" in finding.message


def test_what_is_old_or_was_rejected_does_not_count() -> None:
    queue = entries(sent(8), sent(1, status=Status.REJECTED), sent(7))
    assert excess(queue, Rules(1), make(sender=""), now=NOW) is None


def test_the_poll_refuses_the_latest_of_too_many() -> None:
    records = [sent(days, f"org/m{days}", sender="a") for days in (1, 3, 2)]
    assert refused(*records, rules=Rules(2)) == {"0.json": "too_many_submissions"}


def test_a_file_that_claims_to_be_old_is_as_new_as_it_is() -> None:
    written = make("org/new", sender="a", submitted_time="2020-01-01T00:00:00Z")
    records = [sent(1, "org/one", sender="a"), sent(2, "org/two", sender="a"), written]
    assert refused(*records, rules=Rules(2)) == {"2.json": "too_many_submissions"}
    finding = excess(entries(written), Rules(1), make(sender="a"), now=NOW)
    assert finding is not None


def test_what_was_claimed_before_has_passed_the_limits_but_not_the_deny_list() -> None:
    again = sent(1, "org/one", sender="a", block={"attempts": 1})
    first = sent(2, "org/two", sender="a")
    assert refused(again, first, rules=Rules(1)) == {}
    assert refused(again, first, rules=Rules(1, denied=("org/one",))) == {"0.json": "denied"}


@pytest.mark.parametrize("status", [Status.RUNNING, Status.FINISHED, Status.FAILED])
def test_a_second_file_of_a_submission_points_to_the_first(status: Status) -> None:
    first, second = sent(1, status=status), make("ORG/Model", block={"suite": "demo"})
    found = refusals(entries(second, first), Rules(), suite="demo", now=NOW)
    assert {path: (f.code, f.where) for path, f in found.items()} == {
        "0.json": ("duplicate", "1.json")
    }
    assert f"'1.json' is {status}" in found["0.json"].message


def test_of_two_that_wait_the_earlier_one_stays() -> None:
    assert refused(sent(1), sent(2), rules=Rules()) == {"0.json": "duplicate"}
    assert refused(make(), make(), rules=Rules()) == {"1.json": "duplicate"}
    assert refused(make(), sent(0.1), rules=Rules()) == {"0.json": "duplicate"}


@pytest.mark.parametrize("status", [Status.REJECTED, Status.CANCELLED])
def test_what_was_rejected_or_cancelled_stands_in_nobodys_way(status: Status) -> None:
    assert refused(sent(1, status=status), make(), rules=Rules()) == {}


@pytest.mark.parametrize(
    "other",
    [
        make(revision="f" * 40),
        make(precision="8bit"),
        make(weight_type="Adapter"),
        make(use_chat_template=True),
        make(enable_thinking=True),
        make(block={"suite": "another"}),
        make("org/another"),
    ],
)
def test_another_submission_is_no_repetition(other: RequestRecord) -> None:
    assert refused(sent(1, status=Status.FINISHED), other, rules=Rules()) == {}
    queue = entries(sent(1, status=Status.FINISHED))
    assert first_of_same(queue, "other.json", other, suite="demo", now=NOW) is None


def test_another_base_is_another_adapter_and_the_same_whole_weights() -> None:
    first, second = make(base_model="org/base"), make(base_model="org/other")
    assert refused(first, second, rules=Rules()) == {"1.json": "duplicate"}
    adapters = [r.model_copy(update={"weight_type": "Adapter"}) for r in (first, second)]
    assert refused(*adapters, rules=Rules()) == {}


def test_counts_the_submissions_of_seven_days_as_the_limit_does() -> None:
    queue = entries(
        sent(1, sender="Lab"),
        sent(3, sender=" lab "),
        sent(2, sender="lab", status=Status.REJECTED),
        sent(20, sender="lab"),
        sent(1, sender="other"),
    )
    rules = Rules(2, {"boss": None})
    full = count_submissions(queue, rules, sender="LAB", now=NOW)
    assert (full.allowed, full.made) == (2, 2)
    assert full.again == timestamp(NOW - timedelta(days=3) + WEEK)
    one = count_submissions(queue, rules, sender="other", now=NOW)
    assert (one.allowed, one.made, one.again) == (2, 1, None)
    assert count_submissions(queue, rules, sender="boss", now=NOW).allowed is None


def test_what_is_refused_does_not_count_against_its_sender() -> None:
    records = [sent(3, "org/a", sender="a"), sent(2, "org/a", sender="a"), sent(1, "org/b")]
    records[2] = records[2].model_copy(update={"sender": "a"})
    assert refused(*records, rules=Rules(2)) == {"1.json": "duplicate"}


def test_files_that_cannot_be_read_are_left_alone() -> None:
    queue = [QueuedRequest("a.json", None, "no JSON"), *entries(sent(1))]
    assert refusals(queue, Rules(1), suite="demo", now=NOW) == {}


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["a", "A", "b"]),
            st.integers(0, 9),
            st.sampled_from(list(Status)),
            st.booleans(),
        ),
        max_size=15,
    ),
    allowed=st.integers(0, 3),
)
def test_no_sender_has_more_new_requests_than_allowed(
    rows: list[tuple[str, int, Status, bool]], allowed: int
) -> None:
    records = [
        (sent(days, f"org/m{n}", sender=sender, status=status))
        if known
        else make(f"org/m{n}", sender=sender, status=status, revision=SHA)
        for n, (sender, days, status, known) in enumerate(rows)
    ]
    found = refused(*records, rules=Rules(allowed))
    assert {records[int(path.removesuffix(".json"))].status for path in found} <= {Status.PENDING}
    kept = [e for e in entries(*records) if e.path not in found]
    # What is left is refused no more, and a refusal was needed: the sender has used up the number.
    assert refusals(kept, Rules(allowed), suite="demo", now=NOW) == {}
    for path in found:
        sender = records[int(path.removesuffix(".json"))].sender
        assert excess(kept, Rules(allowed), make(sender=sender), now=NOW) is not None


@pytest.mark.parametrize("status", [Status.RUNNING, Status.FINISHED, Status.FAILED])
def test_what_another_program_says_of_its_runs_stands_in_nobodys_way(status: Status) -> None:
    theirs = QueuedRequest("theirs.json", sent(1, status=status))
    ours = entries(make("ORG/Model", block={"suite": "demo"}))
    assert refusals([theirs, *ours], Rules(per_week=1), suite="demo", now=NOW) == {}
    waiting = theirs._replace(record=sent(1))
    found = refusals([waiting, *ours], Rules(), suite="demo", now=NOW)
    assert len(found) == 1
