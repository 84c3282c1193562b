"""Answers outlive the process that got them, and belong to one request only."""

import json
import math
import resource
from collections.abc import Callable, Generator, Sequence, Set
from pathlib import Path
from typing import Any, cast

import pytest
from lm_eval.api.instance import Instance

from evalboard.engine.benchmarks.answer_log import AnswerLog, request_keys
from evalboard.engine.benchmarks.answering import AnsweringModel
from evalboard.engine.hf_model import question_blocks
from evalboard.engine.streaming import Answer, GeneratedText, Kind, NumberedAnswers
from evalboard.errors import NotFinite, Recovery, StoreError
from evalboard.records.precision import Precision
from tests.damage import DAMAGES


class CountingBackend:
    """Answers with the length of the continuation, one request at a time, until it is told to die."""

    max_length = 64
    may_cut = True

    def __init__(self, dies_after: float = math.inf, logprob: float = -0.1) -> None:
        self.asked: list[tuple[str, str]] = []
        self._dies_after = dies_after
        self._logprob = logprob

    def stream(
        self,
        kind: Kind,
        requests: Sequence[Instance],
        wanted: Set[int],
        *,
        think_end: str | None = None,
        **more: Any,
    ) -> Generator[NumberedAnswers]:
        for number in sorted(wanted):
            if len(self.asked) >= self._dies_after:
                raise KeyboardInterrupt
            context, continuation = cast("tuple[str, str]", requests[number].args)
            self.asked.append((context, continuation))
            answer: Answer = (self._logprob * len(continuation) / 3, continuation == " A")
            yield [(number, answer)]


def ask(pairs: Sequence[tuple[str, str]]) -> list[Instance]:
    return [
        Instance("loglikelihood", {}, pair, 0, metadata=("task", number // 2, 1))
        for number, pair in enumerate(pairs)
    ]


PAIRS = [(f"Question {n}", choice) for n in range(5) for choice in (" A", " Bb")]


def answer(
    path: Path,
    backend: Any,
    pairs: Sequence[tuple[str, str]] = PAIRS,
    precision: Precision = Precision.FLOAT16,
) -> list[Any]:
    with AnswerLog(path) as log:
        model = AnsweringModel(backend, log, lambda done, total: None, precision=precision)
        return model.loglikelihood(ask(pairs))


def test_nothing_is_asked_twice(tmp_path: Path) -> None:
    path = tmp_path / "answers" / "a.jsonl"
    expected = answer(tmp_path / "other.jsonl", CountingBackend())
    dying = CountingBackend(dies_after=7)
    with pytest.raises(KeyboardInterrupt):
        answer(path, dying)
    second = CountingBackend()
    assert answer(path, second) == expected
    assert dying.asked + second.asked == PAIRS
    third = CountingBackend()
    assert answer(path, third) == expected
    assert third.asked == []


def test_a_torn_line_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    expected = answer(path, CountingBackend())
    path.write_bytes(path.read_bytes()[:-4])
    again = CountingBackend()
    assert answer(path, again) == expected
    assert len(again.asked) == 1
    assert [json.loads(line) for line in path.read_text().splitlines()]


BAD_LINES = {
    "torn": b'["k", [-1.',
    "torn into the next": b'["k", [-1.["l", [-1.5, true]]',
    "zeros": bytes(40),
    "bad UTF-8": b'["\xff", [-1.0, true]]',
    "no pair": b'["k"]',
    "a pair too short": b'["k", [-1.0]]',
    "a pair too long": b'["k", [-1.0, true, 1]]',
    "too many": b'["k", -1.0, true]',
    "an object": b'{"k": [-1.0, true]}',
    "a text that ended for another reason": b'["k", ["a", "a", "why", 1]]',
    "a text with a part of a token": b'["k", ["a", "a", "eos", 1.5]]',
    "an object as answer": b'["k", {"x": 1}]',
    "a number as key": b"[1, [-1.0, true]]",
    "a number as truth": b'["k", [-1.0, 1]]',
    "a truth as number": b'["k", [true, true]]',
    "NaN": b'["k", [NaN, true]]',
    "infinite": b'["k", -Infinity]',
    "null": b'["k", null]',
    "empty": b"",
    "too deep": b"[" * 200_000,
    "a long number": b'["k", [' + b"9" * 5000 + b", true]]",
}


@pytest.mark.parametrize("line", BAD_LINES.values(), ids=BAD_LINES.keys())
@pytest.mark.parametrize("place", [0, 4, 10])
def test_a_damaged_line_costs_no_other_answer(
    tmp_path: Path, line: bytes, place: int, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.jsonl"
    expected = answer(path, CountingBackend())
    lines = path.read_bytes().splitlines(keepends=True)
    damaged = b"".join([*lines[:place], line + b"\n", *lines[place:]])
    path.write_bytes(damaged)
    again = CountingBackend()
    assert answer(path, again) == answer(path, again) == expected
    assert again.asked == []
    assert path.read_bytes() == b"".join(lines)
    (aside,) = tmp_path.glob("a.jsonl.torn-*")
    assert aside.read_bytes() == damaged
    assert len(caplog.records) == 1


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_file_gives_the_same_answers(
    tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "a.jsonl"
    expected = answer(path, CountingBackend())
    path.write_bytes(damage(path.read_bytes()))
    assert answer(path, CountingBackend()) == expected
    third = CountingBackend()
    assert answer(path, third) == expected
    assert third.asked == []


def test_a_file_of_a_later_version_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    expected = answer(path, CountingBackend())
    later = b'{"version": 2}\n' + path.read_bytes()
    path.write_bytes(later)
    again = CountingBackend()
    assert answer(path, again) == expected
    assert again.asked == PAIRS
    assert [found.read_bytes() for found in tmp_path.glob("*.torn-*")] == [later]


def test_a_disk_that_is_full_for_a_moment_tears_no_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    expected = answer(tmp_path / "other.jsonl", CountingBackend())
    size = (tmp_path / "other.jsonl").stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # As on a full disk, the write that reaches the limit is short, and the next one fails.
    resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2 + 20, hard))
    try:
        first = CountingBackend()
        with pytest.raises(StoreError, match="Free disk space") as full:
            answer(path, first)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert full.value.recovery is Recovery.ITSELF
    kept = path.read_bytes()
    assert len(kept) < size // 2 + 20
    assert kept.endswith(b"\n")
    again = CountingBackend()
    assert answer(path, again) == expected
    assert len(first.asked) + len(again.asked) == len(PAIRS) + 1  # the answer that was not kept
    assert list(tmp_path.glob("*.torn-*")) == []


def test_texts_of_earlier_versions_are_answers(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    text = GeneratedText("yes", "well</think>yes", "eos", 5)
    with AnswerLog(path) as log:
        log.add([("new", text)])
    with path.open("ab") as file:
        file.write(b'["old", "no"]\n')
    with AnswerLog(path) as log:
        assert log.known() == [("new", text), ("old", GeneratedText("no", "no", None, None))]


def test_equal_requests_are_asked_once(tmp_path: Path) -> None:
    backend = CountingBackend()
    first, other, again = answer(tmp_path / "a", backend, [("q", " A"), ("q", " B"), ("q", " A")])
    assert backend.asked == [("q", " A"), ("q", " B")]
    assert again == first != other


def test_keys_tell_requests_apart() -> None:
    def key(kind: Kind, *arguments: Any) -> str:
        return request_keys(kind, [Instance(kind, {}, arguments, 0)])[0]  # type: ignore[arg-type]

    keys = {
        key("loglikelihood", "ab", "c"),
        key("loglikelihood", "a", "bc"),
        key("loglikelihood_rolling", "ab", "c"),
        key("generate_until", "ab", {"until": ["c"]}),
        key("generate_until", "ab", {"until": ["d"]}),
    }
    assert len(keys) == 5


def test_samples_of_one_prompt_are_all_drawn() -> None:
    requests = [Instance("generate_until", {}, ("a", {"temperature": 1}), 0) for _ in range(2)]
    assert len(set(request_keys("generate_until", requests))) == 2


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_number_is_no_answer(tmp_path: Path, value: float) -> None:
    path = tmp_path / "a.jsonl"
    with pytest.raises(NotFinite, match="bfloat16") as caught:
        answer(path, CountingBackend(logprob=value))
    assert caught.value.code == "not_finite"
    assert path.read_bytes() == b""


@pytest.mark.parametrize("precision", Precision)
def test_only_float16_is_blamed_on_float16(tmp_path: Path, precision: Precision) -> None:
    with pytest.raises(NotFinite) as caught:
        answer(tmp_path / "a.jsonl", CountingBackend(logprob=math.nan), precision=precision)
    blames = {"In float16": "float16", "EVALBOARD_CHECK_FINITE": "float32", "quantisation": "4bit"}
    said = {kind for words, kind in blames.items() if words in caught.value.message}
    of = {"bfloat16": "float32", "8bit": "4bit", "prequantised": "4bit"}
    assert said == {of.get(precision, precision)}


def test_progress_counts_questions(tmp_path: Path) -> None:
    reports: list[tuple[int, int]] = []
    for dies_after in (4, math.inf):
        with AnswerLog(tmp_path / "a.jsonl") as log:
            model = AnsweringModel(
                CountingBackend(dies_after),
                log,
                lambda *now: reports.append(now),
                precision=Precision.FLOAT16,
            )
            if dies_after == 4:
                with pytest.raises(KeyboardInterrupt):
                    model.loglikelihood(ask(PAIRS))
            else:
                model.loglikelihood(ask(PAIRS))
    assert reports[0] == (0, 5)
    assert (2, 5) in reports
    assert reports[-1] == (5, 5)


def test_blocks_keep_a_question_together() -> None:
    requests = ask([("q", str(n)) for n in range(1100)])
    blocks = list(question_blocks(requests))
    assert [len(block) for block in blocks] == [512, 512, 76]
    assert [n for block in blocks for n in block] == list(range(1100))
