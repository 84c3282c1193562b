import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalboard.errors import RecordError
from evalboard.records.request import (
    BoardBlock,
    Claim,
    Failure,
    HistoryEntry,
    ModelType,
    RequestRecord,
    Status,
)
from evalboard.records.times import timestamp

SHA = "0123456789abcdef0123456789abcdef01234567"
# The fields of other boards' files: of the Open LLM Leaderboard's first version, of its second, and
# of boards made from the template.
FIRST = {
    "model": "org/model-7b",
    "base_model": "",
    "revision": "main",
    "private": False,
    "precision": "float16",
    "params": 6.738,
    "architectures": "LlamaForCausalLM",
    "weight_type": "Original",
    "status": "FINISHED",
    "submitted_time": "2024-02-10T05:02:37Z",
    "model_type": "🟢 : pretrained",
    "job_id": "7213",
    "job_start_time": "2024-02-12T14:22:13.441219",
    "likes": 12,
    "license": "llama2",
    "still_on_hub": True,
}
SECOND = {
    "model": "org/model-7b-chat",
    "base_model": "org/model-7b",
    "revision": SHA,
    "precision": "bfloat16",
    "params": 7.242,
    "architectures": "MistralForCausalLM",
    "weight_type": "Original",
    "status": "PENDING",
    "submitted_time": "2024-06-26T17:34:56Z",
    "model_type": "💬 : 💬 chat models (RLHF, DPO, IFT, ...)",
    "job_id": -1,
    "job_start_time": None,
    "use_chat_template": True,
    "sender": "somebody",
    "private": False,
    "likes": 0,
}
TEMPLATE = {
    "model": "org/adapter",
    "base_model": None,
    "revision": None,
    "precision": None,
    "weight_type": None,
    "status": "RUNNING",
    "submitted_time": None,
    "model_type": None,
    "params": None,
    "architectures": None,
    "job_id": None,
    "job_start_time": None,
    "use_chat_template": None,
    "sender": None,
    "private": None,
    "tags": ["medical", {"of": None}],
}


def parse(document: Any) -> RequestRecord:
    return RequestRecord.from_json(json.dumps(document).encode(), path="org/a.json")


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({}, "model_eval_request_False_float16_Original_01234567.json"),
        (
            {"precision": "8bit", "weight_type": "Adapter"},
            "model_eval_request_False_8bit_Adapter_01234567.json",
        ),
        (
            {"use_chat_template": True},
            "model_eval_request_False_float16_Original_chat_01234567.json",
        ),
        (
            {"use_chat_template": True, "enable_thinking": True, "think_end_token": "</think>"},
            "model_eval_request_False_float16_Original_chat_think_01234567.json",
        ),
    ],
)
def test_a_request_lies_where_other_boards_look(fields: dict[str, Any], name: str) -> None:
    record = RequestRecord(model="org/model", revision=SHA, **fields)
    assert record.path == f"org/{name}"


@pytest.mark.parametrize("theirs", [FIRST, SECOND, TEMPLATE])
def test_files_of_other_boards_are_read_and_nothing_of_theirs_is_lost(
    theirs: dict[str, Any],
) -> None:
    again = json.loads(parse(theirs).to_json())
    known = {key: value for key, value in theirs.items() if value is not None}
    assert {key: again[key] for key in known} == known
    unknown = theirs.keys() - RequestRecord.model_fields
    assert {key: again[key] for key in unknown} == {key: theirs[key] for key in unknown}


def test_null_stands_for_what_is_not_known() -> None:
    record = parse(TEMPLATE)
    absent = parse({"model": "org/adapter", "status": "RUNNING"})
    assert record.model_copy(update={"private": None}).model_dump(
        exclude={"private", "tags"}
    ) == absent.model_dump(exclude={"private", "tags"})
    assert record.model_type == ModelType.UNKNOWN


@pytest.mark.parametrize("field", ["model", "status"])
def test_what_makes_a_request_must_be_said(field: str) -> None:
    with pytest.raises(RecordError, match=rf"org/a\.json.*{field}"):
        parse(SECOND | {field: None})


def test_keys_that_are_not_known_stay_in_every_part() -> None:
    document = SECOND | {
        "votes": 3,
        "evalboard": {
            "priority": 1,
            "colour": "blue",
            "claimed_by": {"run_id": "r", "host": "h", "rack": 4},
            "history": [{"status": "PENDING", "time": "t", "by": "a person"}],
            "failure": {"code": "c", "message": "m", "node": "n"},
        },
    }
    again = json.loads(parse(document).to_json())
    assert again["votes"] == 3
    block = again["evalboard"]
    assert block["colour"] == "blue"
    assert block["claimed_by"]["rack"] == 4
    assert block["history"][0]["by"] == "a person"
    assert block["failure"]["node"] == "n"


def test_what_is_written_is_read_back() -> None:
    record = RequestRecord(
        model="org/model",
        revision=SHA,
        precision="4bit",
        params=0.5,
        model_type=ModelType.MERGE,
        job_id="run-1",
        sender="Ünï 🟢",
        evalboard=BoardBlock(
            suite="demo",
            claimed_by=Claim(run_id="run-1", host="here", pid=3, started=1.25),
            history=(HistoryEntry(status=Status.PENDING, time="2026-11-21T10:00:00Z"),),
            failure=Failure(code="engine_died", message="It died."),
            report={"ok": True, "findings": []},
        ),
    )
    assert RequestRecord.from_json(record.to_json(), path="a.json") == record
    assert "Ünï 🟢".encode() in record.to_json()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe{}"])
def test_what_is_no_request_is_an_error_that_names_the_file(content: bytes) -> None:
    with pytest.raises(RecordError, match=r"'org/a\.json'.*Correct the file or delete it"):
        RequestRecord.from_json(content, path="org/a.json")


@given(st.binary(max_size=40) | st.from_regex(r'\{"model": ?"[a-z]*"(, "[a-z_]+": ?[0-9n{}]*)?\}'))
def test_no_file_breaks_its_reader(content: str | bytes) -> None:
    encoded = content.encode() if isinstance(content, str) else content
    try:
        record = RequestRecord.from_json(encoded, path="a.json")
    except RecordError:
        return
    assert RequestRecord.from_json(record.to_json(), path="a.json") == record


@pytest.mark.parametrize("member", ModelType)
def test_types_are_read_in_every_form_that_boards_write(member: ModelType) -> None:
    forms = [member.value, member.value.upper(), f"{member.sign} : {member.value}"]
    if member is not ModelType.UNKNOWN:
        forms += [member.sign, f"{member.sign} {member.value}", f" {member.sign}\ufe0f : "]
    assert {ModelType.parse(form) for form in forms} == {member}


@pytest.mark.parametrize(
    ("text", "member"),
    [
        ("🔶 : 🔶 fine-tuned on domain-specific datasets", ModelType.FINE_TUNED),
        ("🔶 : fine-tuned", ModelType.FINE_TUNED),
        ("💬 : 💬 chat models (RLHF, DPO, IFT, ...)", ModelType.CHAT),
        ("🤝 : 🤝 base merges and moerges", ModelType.MERGE),
        ("🟩 : 🟩 continuously pretrained", ModelType.CONTINUOUSLY_PRETRAINED),
        ("⭕ : instruction-tuned", ModelType.INSTRUCTION_TUNED),
        ("🟦 : RL-tuned", ModelType.RL_TUNED),
        ("🌸 : multimodal", ModelType.UNKNOWN),
        ("", ModelType.UNKNOWN),
        ("? : Unknown", ModelType.UNKNOWN),
        ("what?", ModelType.UNKNOWN),
    ],
)
def test_types_of_known_boards(text: str, member: ModelType) -> None:
    assert ModelType.parse(text) is member


def test_every_type_has_a_sign_of_its_own() -> None:
    assert len({member.sign for member in ModelType}) == len(ModelType)


def test_times_of_now_are_in_utc() -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    now = datetime.strptime(timestamp(), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert before <= now <= datetime.now(UTC)
