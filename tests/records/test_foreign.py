"""Request files of other boards: how they are read, and that nothing of theirs is lost."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalboard.errors import RecordError
from evalboard.records.choice import WeightType
from evalboard.records.foreign import STATUSES, WEIGHT_TYPES
from evalboard.records.precision import Precision
from evalboard.records.request import LARGEST_FILE, RequestRecord, Status

KNOWN = RequestRecord.model_fields.keys()


def read(path: str = "org/a.json", /, **fields: Any) -> RequestRecord:
    content = json.dumps({"model": "org/model"} | fields).encode()
    return RequestRecord.from_json(content, path=path)


def original(record: RequestRecord) -> dict[str, Any]:
    """What the file said, as the written file still has it."""
    return json.loads(record.to_json())["evalboard"]["original"]


def test_the_words_of_others_become_words_of_ours() -> None:
    assert set(STATUSES.values()) == set(Status)
    assert {Precision.parse(precision) for precision in Precision} == set(Precision)
    assert set(WEIGHT_TYPES.values()) == set(WeightType)


@pytest.mark.parametrize("status", Status)
def test_our_statuses_are_read_as_they_are(status: Status) -> None:
    record = read(status=status)
    assert record.status is status
    assert original(record) == {}


@pytest.mark.parametrize(
    ("theirs", "status"),
    [
        ("pending", "PENDING"),
        (" Pending ", "PENDING"),
        ("RERUN", "PENDING"),
        ("RE-RUN", "PENDING"),
        ("PENDING_NEW_EVAL", "PENDING"),
        ("running", "RUNNING"),
        ("EVALUATING", "RUNNING"),
        ("RUNNING_NEW_EVAL", "RUNNING"),
        ("FINISHED_NEW_EVAL", "FINISHED"),
        ("finished-old", "FINISHED"),
        ("FAILED_OOM", "FAILED"),
        ("CANCELED", "CANCELLED"),
    ],
)
def test_other_statuses_are_mapped_and_kept(theirs: str, status: str) -> None:
    record = read(status=theirs)
    assert record.status == status
    assert original(record) == {"status": theirs}


@pytest.mark.parametrize("status", ["SOON", "", 5, None, ["PENDING"], "NOT_PENDING"])
def test_a_status_that_nobody_knows_is_no_request(status: Any) -> None:
    with pytest.raises(RecordError, match=r"org/a\.json.*status"):
        read(status=status)


@pytest.mark.parametrize(
    ("theirs", "params"),
    [
        ("7B", 7.0),
        ("7.2 B", 7.2),
        ("350M", 0.35),
        ("1.5t", 1500.0),
        ("7.24", 7.24),
        ("7,241,732,096", 7.241732096),
        (7241732096, 7.241732096),
        ("unknown", None),
        ("8x7B", None),
        ("-3B", None),
        (0, None),
        (True, None),
        (["7B"], None),
        ("9" * 400, None),
        (10**400, None),
    ],
)
def test_sizes_as_text_are_read_where_they_can_be(theirs: Any, params: float | None) -> None:
    record = read(params=theirs)
    assert record.params == (pytest.approx(params) if params else None)
    assert original(record) == {"params": theirs}


@pytest.mark.parametrize("params", [7, 7.242, 0.5])
def test_sizes_that_are_numbers_stay(params: float) -> None:
    record = read(params=params)
    assert record.params == params
    assert original(record) == {}


@pytest.mark.parametrize(
    ("theirs", "precision"),
    [
        ("torch.float16", "float16"),
        ("torch.bfloat16", "bfloat16"),
        ("BFloat16", "bfloat16"),
        ("fp32", "float32"),
        ("8-bit", "8bit"),
        ("int4", "4bit"),
        ("gptq", "prequantised"),
        ("GPTQ", "prequantised"),
    ],
)
def test_precisions_in_other_words(theirs: str, precision: str) -> None:
    record = read(precision=theirs)
    assert record.precision == precision
    assert original(record) == {"precision": theirs}


@pytest.mark.parametrize(("theirs", "ours"), [("original", "Original"), (" ADAPTER", "Adapter")])
def test_weight_types_in_other_cases(theirs: str, ours: str) -> None:
    record = read(weight_type=theirs)
    assert record.weight_type == ours
    assert original(record) == {"weight_type": theirs}


def test_what_only_the_checks_can_judge_is_left_to_them() -> None:
    record = read(precision="float8_e4m3", weight_type="Merged", revision="my-branch")
    assert (record.precision, record.weight_type) == ("float8_e4m3", "Merged")
    assert record.revision == "my-branch"
    assert original(record) == {}


@pytest.mark.parametrize("revision", [None, "", "  "])
def test_no_revision_is_the_main_branch(revision: str | None) -> None:
    assert read(revision=revision).revision == "main"


@pytest.mark.parametrize("field", ["model", "revision", "precision", "weight_type", "base_model"])
def test_what_decides_on_the_evaluation_is_never_guessed(field: str) -> None:
    with pytest.raises(RecordError, match=field):
        read(**{field: {"a": 1}})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sender", {"name": "somebody"}),
        ("job_id", {"slurm": 7}),
        ("job_start_time", 17),
        ("submitted_time", "yesterday"),
        ("model_type", ["fine-tuned"]),
        ("architectures", 5),
    ],
)
def test_what_is_only_shown_may_be_anything(field: str, value: Any) -> None:
    record = read(**{field: value})
    assert getattr(record, field) == RequestRecord.model_fields[field].default
    assert original(record) == {field: value}


def test_several_architectures_become_one_text() -> None:
    record = read(architectures=["LlamaForCausalLM", "Other"])
    assert record.architectures == "LlamaForCausalLM, Other"
    assert original(record) == {"architectures": ["LlamaForCausalLM", "Other"]}


@pytest.mark.parametrize("theirs", ["2024-02-10T07:02:37+02:00", 1707541357])
def test_times_in_other_forms_are_comparable(theirs: Any) -> None:
    record = read(submitted_time=theirs)
    assert record.submitted_time == "2024-02-10T05:02:37Z"
    assert original(record) == {"submitted_time": theirs}


@pytest.mark.parametrize(("theirs", "flag"), [("True", True), (1, True), ("no", False), (0, False)])
def test_flags_as_text_and_number(theirs: Any, flag: bool) -> None:
    record = read(use_chat_template=theirs)
    assert record.use_chat_template is flag
    assert original(record) == {"use_chat_template": theirs}


@pytest.mark.parametrize(
    ("name", "precision", "weights"),
    [
        ("org/model_eval_request_False_8bit_Original.json", "8bit", "Original"),
        ("org/model_eval_request_False_4bit_Adapter.json", "4bit", "Adapter"),
        ("org/model_eval_request_False_GPTQ_Original.json", "prequantised", "Original"),
        ("org/my_model_eval_request_private_torch.bfloat16_Delta.json", "bfloat16", "Delta"),
        ("org/model_eval_request_False_float32_Original_vllm_A100.json", "float32", "Original"),
        ("org/model_eval_request_False_True_False.json", "8bit", "Original"),
        ("org/model_eval_request_False_False_True.json", "float16", "Delta"),
        ("org/model_eval_request_False_nullbit_Original.json", "float16", "Original"),
        ("org/model.json", "float16", "Original"),
    ],
)
def test_the_name_says_what_the_content_leaves_out(name: str, precision: str, weights: str) -> None:
    record = read(name)
    assert (record.precision, record.weight_type) == (precision, weights)
    assert read(name, precision="float32", weight_type="Adapter").precision == "float32"


def test_the_flags_of_the_oldest_files_are_read() -> None:
    record = read(**{"8bit_eval": True, "is_delta_weight": True, "private": False})
    assert (record.precision, record.weight_type) == ("8bit", "Delta")
    again = json.loads(record.to_json())
    assert again["8bit_eval"] is True


def test_what_is_mapped_once_is_not_mapped_again() -> None:
    first = read(status="RERUN", params="7B", precision="torch.float16")
    second = RequestRecord.from_json(first.to_json(), path="org/a.json")
    assert second == first
    assert original(second) == {"status": "RERUN", "params": "7B", "precision": "torch.float16"}


def test_what_a_person_writes_later_is_kept_instead() -> None:
    document = json.loads(read(status="RERUN", params="7B").to_json())
    later = read(**(document | {"status": "PENDING_NEW_EVAL"}))
    assert original(later) == {"status": "PENDING_NEW_EVAL", "params": "7B"}


def test_numbers_that_are_no_json_are_written_as_they_were() -> None:
    content = b'{"model": "org/model", "loss": NaN, "params": NaN, "most": -Infinity}'
    record = RequestRecord.from_json(content, path="a.json")
    assert record.params is None
    again = json.loads(record.to_json())
    assert math.isnan(again["loss"])
    assert math.isnan(again["evalboard"]["original"]["params"])
    assert again["most"] == -math.inf


def test_a_byte_order_mark_does_no_harm() -> None:
    assert RequestRecord.from_json(b'\xef\xbb\xbf{"model": "org/model"}', path="a").model


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b'{"model": "org/m\xff"}', "not UTF-8"),
        ('{"model": "org/model"}'.encode("utf-16"), "not UTF-8"),
        (b'{"model": ', "not JSON"),
        (b"<html>", "not JSON"),
        (b"[" * 100_000, "not JSON.*recursion"),
        (b'{"model":' * 100_000, "not JSON.*recursion"),
        (b'{"model": "\\ud800"}', "not JSON"),
        (b'{"model": "a/b", "n": ' + b"9" * 5000 + b"}", "not JSON"),
        (b"[]", "not a JSON object"),
        (b'{"model": "a/b", "evalboard": []}', "evalboard"),
        (b'{"model": "a/b", "evalboard": {"history": "none"}}', "history"),
        (b'{"model": "a/b", "evalboard": {"priority": "high"}}', "priority"),
        (b'{"model": "a/b", "x": "' + b"x" * LARGEST_FILE + b'"}', f"at most {LARGEST_FILE}"),
    ],
)
def test_what_is_no_request_says_what_is_wrong_with_it(content: bytes, problem: str) -> None:
    with pytest.raises(RecordError, match=rf"'org/a\.json'.*{problem}.*Correct the file or") as exc:
        RequestRecord.from_json(content, path="org/a.json")
    assert len(exc.value.message) < 500


def test_what_is_nested_as_deep_as_json_is_read_can_be_written() -> None:
    nested: Any = 1
    for _ in range(195):
        nested = [nested]
    again = json.loads(read(nested=nested).to_json())
    assert again["nested"] == nested


def test_what_could_be_read_can_be_read_again_however_it_is_nested() -> None:
    content = (
        b'{"model":"org/model","x":' + b"[" * 190 + b"[]," * 50_000 + b"[]" + b"]" * 190 + b"}"
    )
    again = RequestRecord.from_json(content, path="a.json").to_json()
    assert len(again) < LARGEST_FILE
    assert RequestRecord.from_json(again, path="a.json").model == "org/model"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
STRANGE_KEYS = ["model_config", "path", "identity", "to_json", "copy", "__dict__", "", "likes"]
UNKNOWN = st.dictionaries(
    (st.text(max_size=8) | st.sampled_from(STRANGE_KEYS)).filter(lambda key: key not in KNOWN),
    VALUES,
    max_size=5,
)


@given(unknown=UNKNOWN)
def test_every_unknown_key_survives(unknown: dict[str, Any]) -> None:
    record = RequestRecord.from_json(
        json.dumps({"model": "org/model", "status": "RERUN"} | unknown).encode(), path="a.json"
    )
    again = json.loads(record.to_json())
    assert {key: again[key] for key in unknown} == unknown
    moved = record.model_copy(update={"status": Status.RUNNING})
    assert {key: json.loads(moved.to_json())[key] for key in unknown} == unknown


@given(fields=st.dictionaries(st.sampled_from(sorted(KNOWN - {"evalboard"})), VALUES, max_size=4))
def test_every_known_key_is_kept_or_the_file_is_refused(fields: dict[str, Any]) -> None:
    document = {"model": "org/model"} | fields
    try:
        record = RequestRecord.from_json(json.dumps(document).encode(), path="a.json")
    except RecordError:
        return
    again = json.loads(record.to_json())
    kept = again | again["evalboard"]["original"]
    for key, value in document.items():
        says_nothing = value is None or (isinstance(value, str) and not value.strip())
        assert says_nothing or kept[key] == value, key
