"""Close an attempt: store the finished benchmarks as one document, and end the request."""

import shlex
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from evalboard.attempt.handing_back import let_go
from evalboard.attempt.model import Attempt, AttemptEnd, AttemptPlan
from evalboard.attempt.sharing import take_over
from evalboard.containing import contained
from evalboard.engine.examining import examine
from evalboard.errors import (
    EngineError,
    EvalboardError,
    MachineUnfit,
    NodeUnfit,
    NotFinite,
    StoreError,
)
from evalboard.lifecycle import MACHINE_PAUSE, fail, is_claimed_by, is_retried, move, release
from evalboard.metrics.rounds import repeated_metrics
from evalboard.publishing import announce_queue
from evalboard.records.answers import Answers
from evalboard.records.outcome import BenchmarkOutcome, EngineFacts
from evalboard.records.request import Failure, RequestRecord, Status
from evalboard.records.result import ModelConfig, Provenance, ResultDocument, Seconds
from evalboard.records.spent import Usage
from evalboard.records.times import timestamp
from evalboard.stores.addresses import open_archive, open_own_queue
from evalboard.stores.work import WorkFolder


def failure_of(exc: EvalboardError, attempt: Attempt) -> Failure:
    """Return an error in the form that a request contains."""
    log_tail = exc.log_tail if isinstance(exc, EngineError) else ""
    return Failure(code=exc.code, message=exc.message, log_tail=log_tail, run_url=attempt.run_url)


def close_attempt(
    attempt: Attempt,
    plan: AttemptPlan | None,
    loaded: EngineFacts | None,
    failures: Mapping[str, Failure],
    *,
    now: datetime,
) -> AttemptEnd:
    """Store the finished benchmarks in one commit, and end the request.

    Args:
        attempt: What was worked on.
        plan: The attempt's plan, None if planning failed.
        loaded: Facts of the engine after loading, None if no model was loaded.
        failures: Failures by benchmark key. The key "" stands for the whole attempt.
        now: Time in the document and the request.
    """
    failures = {**_impossible(attempt, plan), **failures}
    finished = [_with_repeats(attempt, outcome) for outcome in _finished(attempt, plan)]
    failures |= _lost(attempt, plan, finished, failures)
    facts = loaded or (plan.facts if plan else None)
    document = _document(attempt, plan, facts, finished, failures, now)
    started = time.monotonic()
    path = _store(attempt, document, finished) if finished and document else None
    seconds = _seconds(attempt, plan, facts, finished)
    end = AttemptEnd(
        status=Status.FAILED if failures else Status.FINISHED,
        failure=_overall(failures),
        document_path=path,
        scores=_scores(attempt, finished),
        seconds=seconds.model_copy(update={"store": time.monotonic() - started}),
    )
    _forget_wrong_answers(attempt, plan, failures)
    _note_usage(attempt, loaded, finished)
    if attempt.request_path:
        _end_request(attempt, attempt.request_path, end, now)
        let_go(attempt.run_id, attempt.request_path)
    announce_queue(attempt.engine.settings)
    return end.model_copy(
        update={"seconds": end.seconds.model_copy(update={"total": time.time() - attempt.started})}
    )


def _forget_wrong_answers(
    attempt: Attempt, plan: AttemptPlan | None, failures: Mapping[str, Failure]
) -> None:
    """Remove the answers that no attempt can use: a model gives the same numbers again."""
    work = WorkFolder(attempt.engine.settings.work_folder)
    for waiting in plan.waiting if plan else ():
        failure = failures.get(waiting.benchmark)
        if failure and failure.code == NotFinite.code:
            work.forget_answers(waiting.benchmark, waiting.key)


def _note_usage(
    attempt: Attempt, facts: EngineFacts | None, finished: Sequence[BenchmarkOutcome]
) -> None:
    """Record what the attempt took, for the metrics. It has the GPUs of its first engine."""
    work = WorkFolder(attempt.engine.settings.work_folder)
    used = partial(
        work.add_usage,
        seconds=time.time() - attempt.started,
        gpus=len(facts.machine.get("gpus", ())) if facts else 0,
        questions=sum(outcome.n_effective for outcome in finished),
    )
    contained(used, "The record of what an evaluation took")


def _impossible(attempt: Attempt, plan: AttemptPlan | None) -> dict[str, Failure]:
    return {
        p.benchmark: Failure(
            code=(p.problem or {})["code"],
            message=(p.problem or {})["message"],
            run_url=attempt.run_url,
        )
        for p in (plan.impossible if plan else ())
    }


def _overall(failures: Mapping[str, Failure]) -> Failure | None:
    """Return one failure for all. Failures that another attempt may fix take precedence."""
    if not failures:
        return None
    hopeful = next((f for f in failures.values() if is_retried(f.code)), None)
    first = failures.get("") or hopeful or next(iter(failures.values()))
    if len(failures) == 1:
        return first
    benchmarks = ", ".join(key for key in failures if key)
    return first.model_copy(
        update={"message": f"{len(failures)} benchmarks failed ({benchmarks}). {first.message}"}
    )


def _finished(attempt: Attempt, plan: AttemptPlan | None) -> list[BenchmarkOutcome]:
    """Return this attempt's benchmarks from the work folder, in the suite's order."""
    if plan is None:
        return []
    work = WorkFolder(attempt.engine.settings.work_folder)
    possible = (*plan.waiting, *plan.finished)
    keys = {p.benchmark: p.key for p in possible}
    missing = [p for p in possible if work.outcome(p.benchmark, p.key) is None]
    if missing and not attempt.is_trial:
        take_over(attempt, missing)  # a run for another suite may have stored it meanwhile
    found = [
        work.outcome(benchmark.key, keys[benchmark.key])
        for benchmark in attempt.benchmarks
        if benchmark.key in keys
    ]
    return [outcome for outcome in found if outcome is not None]


def _with_repeats(attempt: Attempt, outcome: BenchmarkOutcome) -> BenchmarkOutcome:
    """Return an outcome with what its answers say, where they are to the same questions."""
    (benchmark,) = attempt.suite.select((outcome.benchmark,))
    if not benchmark.robustness:
        return outcome
    stored = WorkFolder(attempt.engine.settings.work_folder).answers(outcome)
    more = repeated_metrics(benchmark, Answers.from_parquet(stored, path=outcome.benchmark))
    return outcome.model_copy(update={"metrics": outcome.metrics | more})


def _lost(
    attempt: Attempt,
    plan: AttemptPlan | None,
    finished: list[BenchmarkOutcome],
    failures: Mapping[str, Failure],
) -> dict[str, Failure]:
    """Return a failure for each benchmark that did not fail, and whose result is nowhere.

    Another run of the same model may have stored it meanwhile.
    """
    if plan is None or "" in failures:
        return {}
    known = {outcome.benchmark for outcome in finished} | set(failures)
    missing = [p for p in (*plan.waiting, *plan.finished) if p.benchmark not in known]
    stored: set[str] = set()
    if missing and not attempt.is_trial:
        archive = open_archive(attempt.engine.settings)
        stored = archive.keys(attempt.result_folder)
    folder = str(attempt.engine.settings.work_folder)
    return {
        p.benchmark: failure_of(_no_result(p.benchmark, folder), attempt)
        for p in missing
        if p.key not in stored
    }


def _no_result(benchmark: str, folder: str) -> StoreError:
    return StoreError(
        f"The result of {benchmark!r} is missing from work folder {folder!r}. Let all machines of a "
        "Ray cluster share that folder (EVALBOARD_WORK), and delete nothing in it during a run."
    )


def _store(attempt: Attempt, document: ResultDocument, finished: list[BenchmarkOutcome]) -> str:
    """Store the document, and delete its benchmarks from the work folder."""
    settings = attempt.engine.settings
    work = WorkFolder(settings.work_folder)
    answers = {outcome.benchmark: work.answers(outcome) for outcome in finished}
    if attempt.is_trial:
        path = str(work.keep_document(attempt.run_id, document.to_json(), answers))
    else:
        archive = open_archive(settings)
        path = archive.add(document, answers)
    for outcome in finished:
        work.forget(outcome)
    return path


def _end_request(attempt: Attempt, path: str, end: AttemptEnd, now: datetime) -> None:
    settings = attempt.engine.settings
    is_machine = end.failure is not None and end.failure.code == MachineUnfit.code
    unfit = examine(settings) if is_machine else ""

    def decide(record: RequestRecord) -> RequestRecord:
        if not is_claimed_by(record, attempt.run_id):
            return record  # cancelled, or released to another run: no longer ours to end
        if end.failure and unfit:
            return release(record, now=now, reason=unfit, failure=end.failure)
        if end.failure and end.failure.code == NodeUnfit.code:
            why = end.failure.message
            return release(record, now=now, reason=why, failure=end.failure, pause=MACHINE_PAUSE)
        if end.failure:
            return fail(record, end.failure, now=now, pauses=settings.pauses)
        return move(record, Status.FINISHED, now=now, reason=end.reason)

    queue = open_own_queue(settings)
    queue.change(path, decide, message=f"{end.status} {attempt.record.model}")


def _scores(attempt: Attempt, finished: list[BenchmarkOutcome]) -> dict[str, float]:
    metric = {benchmark.key: benchmark.metric for benchmark in attempt.benchmarks}
    return {outcome.benchmark: outcome.metrics[metric[outcome.benchmark]] for outcome in finished}


def _seconds(
    attempt: Attempt,
    plan: AttemptPlan | None,
    facts: EngineFacts | None,
    finished: list[BenchmarkOutcome],
) -> Seconds:
    ran = {p.benchmark for p in (plan.waiting if plan else ())}
    return Seconds(
        start=(plan.start_seconds if plan else 0.0) + (facts.start_seconds if facts else 0.0),
        load=facts.load_seconds if facts else 0.0,
        score={
            outcome.benchmark: outcome.seconds for outcome in finished if outcome.benchmark in ran
        },
        total=time.time() - attempt.started,
    )


def _document(
    attempt: Attempt,
    plan: AttemptPlan | None,
    facts: EngineFacts | None,
    finished: list[BenchmarkOutcome],
    failures: Mapping[str, Failure],
    now: datetime,
) -> ResultDocument | None:
    if facts is None:
        return None
    return ResultDocument(
        config=model_config(attempt.record, facts),
        **scores_of(finished),
        evalboard=Provenance(
            suite=attempt.suite.name,
            run_key=facts.run_key,
            benchmark_keys={o.benchmark: o.key for o in finished},
            dataset_fingerprints={o.benchmark: o.dataset_fingerprint for o in finished},
            taken_from={o.benchmark: o.taken_from for o in finished if o.taken_from},
            readers={o.benchmark: o.tasks[0].reader for o in finished if o.tasks[0].reader},
            failures={key: {"code": f.code, "message": f.message} for key, f in failures.items()},
            engine_settings=facts.settings,
            machine=facts.machine,
            seconds=_seconds(attempt, plan, facts, finished),
            usage={o.benchmark: o.usage for o in finished if o.usage != Usage()},
            command=reproduce_command(attempt),
            finished_time=timestamp(now),
        ),
    )


def scores_of(outcomes: Sequence[BenchmarkOutcome]) -> dict[str, Any]:
    """Return the part of a document that lm_eval's documents also have, under lm_eval's keys.

    A group has the entries of its subjects, and its own entry in `results`.
    """
    tasks = {task.task: (task, outcome) for outcome in outcomes for task in outcome.tasks}
    groups = {outcome.benchmark: outcome for outcome in outcomes if outcome.is_group}
    return {
        "results": {
            **{name: task.metrics for name, (task, _) in tasks.items()},
            **{name: group.metrics for name, group in groups.items()},
        },
        "group_subtasks": {
            name: [task.task for task in group.tasks] for name, group in groups.items()
        },
        "versions": {name: task.version for name, (task, _) in tasks.items()},
        "n-shot": {name: outcome.num_fewshot for name, (_, outcome) in tasks.items()},
        "n-samples": {
            name: {
                "original": task.n_original,
                "effective": task.n_effective,
                **({"cut": task.n_cut} if task.n_cut else {}),
                **({"unfinished": task.n_unfinished} if task.n_unfinished else {}),
            }
            for name, (task, _) in tasks.items()
        },
        "task_hashes": {name: task.task_hash for name, (task, _) in tasks.items()},
        "configs": {name: task.config for name, (task, _) in tasks.items()},
    }


def model_config(record: RequestRecord, facts: EngineFacts) -> ModelConfig:
    """Return a result document's description of the model, from request, checks and engine."""
    found = (record.evalboard.report or {}).get("facts")
    return ModelConfig(
        **ModelConfig.choice_fields(record.choice),
        model_type=record.model_type,
        chat_template_sha=facts.chat_template_sha,
        backend=facts.backend,
        backend_version=facts.backend_version,
        lm_eval_version=facts.lm_eval_version,
        transformers_version=facts.transformers_version,
        torch_version=facts.torch_version,
        architecture=facts.architecture,
        params_billion=record.params,
        license=str((found or {}).get("license", "")),
        merged=None if found is None else bool(found.get("merged")),
        moe=None if found is None else bool(found.get("moe")),
        weights_digest=str((found or {}).get("weights_digest", "")),
        submitted_time=record.submitted_time,
        sender=record.sender,
    )


def reproduce_command(attempt: Attempt) -> str:
    """Return the command that reproduces the document."""
    record, request, engine = attempt.record, attempt.request, attempt.engine
    model, base = str(engine.folder or record.model), str(engine.base_folder or record.base_model)
    words = ["evalboard", "evaluate", model, "--revision", record.revision]
    if engine.base_revision:
        words += ["--weight-type", record.weight_type]
        words += ["--base-model", base, "--base-revision", engine.base_revision]
    words += ["--precision", record.precision, "--suite", attempt.suite.name]
    words += ["--backend", engine.backend]
    if request.benchmarks:
        words += ["--benchmarks", ",".join(request.benchmarks)]
    if request.limit is not None:
        words += ["--limit", str(request.limit)]
    if request.num_fewshot is not None:
        words += ["--num-fewshot", str(request.num_fewshot)]
    if record.use_chat_template:
        words.append("--chat-template")
    if record.enable_thinking:
        words += ["--enable-thinking", f"--think-end-token={record.think_end_token}"]
    return shlex.join(words)
