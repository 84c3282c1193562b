"""A model that waits for several suites, with stand-in engines, real checks and real stores."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from evalboard.attempt import course, running
from evalboard.attempt.course import Ended, Steps
from evalboard.attempt.model import Attempt, AttemptPlan
from evalboard.attempt.opening import open_attempt
from evalboard.demo.models import make_random_model
from evalboard.engine.placing import placement
from evalboard.engine.placing.allotment import starting_limits
from evalboard.errors import EngineError
from evalboard.intake.polling import evaluation_of
from evalboard.intake.submission import Submission, submit
from evalboard.lifecycle import move
from evalboard.records.outcome import BenchmarkPlan
from evalboard.records.precision import Precision
from evalboard.records.request import Status
from evalboard.settings import Settings
from evalboard.stores.addresses import open_archive, open_queue
from evalboard.stores.requests import RequestQueue
from tests.stand_in_engine import calls

SUITE = """name: {name}
title: {name}
benchmarks:
  - {{key: {key}, title: Some}}
"""
SUITES = {"first": "medmcqa", "second": "medqa_4options", "third": "pubmedqa"}


@pytest.fixture(scope="module", autouse=True)
def _engines(stand_in_engines: None) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(placement, "MADE_OF", "tests.attempt.answering_engine")
        with placement.one_run_at_a_time():
            yield


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    make_random_model(folder / "test" / "random")
    make_random_model(folder / "test" / "other", seed=1)
    return folder


@pytest.fixture
def settings(models: Path, tmp_path: Path) -> Settings:
    files = [tmp_path / f"{name}.yaml" for name in SUITES]
    for file, (name, key) in zip(files, SUITES.items(), strict=True):
        file.write_text(SUITE.format(name=name, key=key), encoding="utf-8")
    fields = {"suite": str(files[0]), "suites": ",".join(map(str, files[1:])), "backend": "hf"}
    return Settings.model_validate({"home": tmp_path, "models": models, "offline": True, **fields})


@pytest.fixture
def queue(settings: Settings) -> RequestQueue:
    return open_queue(settings)


def add(settings: Settings, suite: str, model: str = "test/random", **changes: Any) -> str:
    submission = Submission(model=model, precision=Precision.FLOAT32, suite=suite, **changes)
    path = submit(submission, settings).request_path
    assert path
    return path


def opened(path: str, settings: Settings) -> Attempt:
    """Claim a request as the flow does, with an engine whose calls are noted."""
    request = evaluation_of(path, open_queue(settings).get(path))
    attempt = open_attempt(request, settings, run_id="run", run_url="", now=datetime.now(UTC))
    folder = settings.work_folder / "compiled" / attempt.engine.revision
    folder.mkdir(parents=True, exist_ok=True)
    engine = attempt.engine.model_copy(update={"log_file": folder.resolve() / "engine.log"})
    return attempt.model_copy(update={"engine": engine})


def evaluate(attempt: Attempt) -> list[Ended]:
    steps = Steps(
        running.plan_attempt,
        running.load_model,
        lambda attempt, plans: [running.evaluate_benchmark(attempt, plan) for plan in plans],
    )
    return list(course.run(attempt, steps))


def test_a_model_is_loaded_once_for_all_suites_that_it_waits_for(
    settings: Settings, queue: RequestQueue
) -> None:
    paths = [add(settings, name) for name in SUITES]
    other = add(settings, "second", "test/other")
    attempt = opened(paths[0], settings)
    ended = evaluate(attempt)
    assert [each.attempt.request_path for each in ended] == paths
    assert {queue.get(path).status for path in paths} == {Status.FINISHED}
    assert queue.get(other).status is Status.PENDING
    noted = calls(attempt.engine.log_file.parent)
    asked = [call[0] for call in noted]
    (key, *others) = SUITES.values()
    assert asked == ["plan", "load", key, *(x for k in others for x in ("plan", "load", k))]
    assert len({process for _, process, *_ in noted}) == 1
    documents = open_archive(settings).read().documents
    scored = {each.evalboard.suite: list(each.evalboard.benchmark_keys) for each in documents}
    assert scored == {name: [key] for name, key in SUITES.items()}


def test_a_lower_priority_waits_for_its_turn(settings: Settings, queue: RequestQueue) -> None:
    first, later = add(settings, "first"), add(settings, "second", priority=-1)
    assert opened(first, settings).engine.further_suites == ()
    assert queue.get(later).status is Status.PENDING


def test_the_next_suite_is_left_if_it_was_cancelled_or_came_later(
    settings: Settings, queue: RequestQueue
) -> None:
    first, second = add(settings, "first"), add(settings, "second")
    attempt = opened(first, settings)
    third = add(settings, "third")
    now = datetime.now(UTC) + timedelta(seconds=1)
    queue.change(second, lambda r: move(r, Status.CANCELLED, now=now), message="cancel")
    (ended,) = evaluate(attempt)
    assert ended.end.status is Status.FINISHED
    assert queue.get(third).status is Status.PENDING


def test_an_engine_that_dies_before_the_next_suite_is_replaced(settings: Settings) -> None:
    first, _ = [add(settings, suite) for suite in ("first", "second")]
    attempt = opened(first, settings)
    folder = attempt.engine.log_file.parent

    def dying(attempt: Attempt, plans: Sequence[BenchmarkPlan]) -> list[Any]:
        answers = [running.evaluate_benchmark(attempt, plan) for plan in plans]
        process = psutil.Process(int(calls(folder)[-1][1]))
        process.kill()
        psutil.wait_procs([process])
        return answers

    def plan(attempt: Attempt) -> AttemptPlan:
        """Plan, and once more where the flow would."""
        try:
            return running.plan_attempt(attempt)
        except EngineError as exc:
            if not exc.try_again:
                raise
            return running.plan_attempt(attempt)

    ended = list(course.run(attempt, Steps(plan, running.load_model, dying)))
    assert [each.end.status for each in ended] == [Status.FINISHED] * 2
    assert len({process for _, process, *_ in calls(folder)}) == 2


def test_it_is_loaded_for_the_longest_answers_of_all_its_suites(settings: Settings) -> None:
    words = {"template": "optional", "max_tokens": 4096}
    attempt = opened(add(settings, "first"), settings)
    engine = attempt.engine.model_copy(update={"backend": "vllm"})
    assert starting_limits(engine).max_length is None
    suite = engine.suite.model_validate({**engine.suite.model_dump(), "generation": words})
    further = engine.model_copy(update={"further_suites": (suite,)})
    assert starting_limits(further).max_length == 8_192 + 4_096
