"""Feed a vLLM engine gradually, and collect finished requests after every step.

`vllm.LLM.generate` takes all requests at once and answers when the last is done. Here answers
arrive when they are ready. A finished request can create further ones, and their number is limited
so that their contexts stay in the cache.
"""

from collections.abc import Callable, Generator, Iterable
from itertools import count
from typing import NamedTuple

from vllm import LLM, RequestOutput, SamplingParams
from vllm.inputs.engine import tokens_input
from vllm.lora.request import LoRARequest

from evalboard.engine.streaming import NumberedAnswers

KEPT_CACHE_FRACTION = 0.5
"""Fraction of the KV cache for contexts that are needed again."""


class StepFailed(Exception):
    """Raised when a step of the engine fails, for whatever reason.

    The requests and the memory of the engine are then in no known state: it must not be used again.
    vLLM says this itself, as `EngineDeadError`, only of an engine in another process.
    """


def step_failed(exc: Exception) -> StepFailed:
    """Return the error of a step that says why, for `evalboard.engine.loading.failures`."""
    return StepFailed(f"{type(exc).__name__}: {exc}")


class JobResult(NamedTuple):
    """The result of a finished request."""

    answers: NumberedAnswers
    follow_ups: "tuple[Job, ...]" = ()
    """Follow-up requests."""


class Job(NamedTuple):
    """One request to the engine."""

    tokens: list[int]
    params: SamplingParams
    end: Callable[[RequestOutput], JobResult]
    kept: int = 0
    """Tokens of the KV cache that must stay for the follow-up jobs."""
    is_over: Callable[[RequestOutput], bool] = lambda output: output.finished
    """Whether nothing more is wanted after a part of its output. It gets every part that the
    parameters let vLLM return.
    """

    @property
    def reads_prompt(self) -> bool:
        """Whether the log-probabilities of its prompt are asked for."""
        return self.params.prompt_logprobs is not None


class Feed:
    """The current requests of one engine.

    Args:
        llm: The engine.
        lora: Adapter of every request.
    """

    def __init__(self, llm: LLM, lora: LoRARequest | None) -> None:
        self._engine = llm.llm_engine
        self._lora = lora
        self._numbers = count()
        self._jobs: dict[str, Job] = {}
        self._held: list[Job] = []
        self._reads_prompts = False
        self._kept = 0
        config = self._engine.vllm_config
        # Where layers differ, each group of them has its own blocks for the same tokens.
        cache_tokens = config.cache_config.kv_cache_size_tokens or 0
        self._max_kept_tokens = int(cache_tokens * KEPT_CACHE_FRACTION)
        # Enough that a full batch is always waiting behind the running one.
        self._max_jobs = 2 * config.scheduler_config.max_num_seqs

    def run(self, jobs: Iterable[Job]) -> Generator[NumberedAnswers]:
        """Run jobs in order, and their follow-up jobs.

        Jobs that read their prompts run apart from the others: in their batches, vLLM computes the
        log-probabilities after every position.

        Yields:
            The answers of each step of the engine that finished some.

        Raises:
            StepFailed: The engine is unusable.
        """
        self.abort()
        source = iter(jobs)
        waiting = next(source, None)
        while waiting or self._jobs or self._held:
            if not self._jobs:
                self._reads_prompts = bool(self._held)
                held, self._held = self._held, []
                for job in held:
                    self._submit(job)
            while waiting and not self._reads_prompts and self._has_room(waiting):
                self._take(waiting)
                waiting = next(source, None)
            if self._jobs and (answers := self._step()):
                yield answers

    def abort(self) -> None:
        """Drop what an earlier run left when it was stopped. It holds blocks of the cache."""
        self._engine.abort_request(list(self._jobs))
        self._jobs.clear()
        self._held.clear()
        self._kept = 0

    def _has_room(self, job: Job) -> bool:
        count = len(self._jobs) + len(self._held)
        if not count:
            return True
        return count < self._max_jobs and self._kept + job.kept <= self._max_kept_tokens

    def _take(self, job: Job) -> None:
        """Submit a job, or hold it until its kind has its turn."""
        self._kept += job.kept
        if job.reads_prompt and not self._reads_prompts:
            self._held.append(job)
        else:
            self._submit(job)

    def _submit(self, job: Job) -> None:
        name = str(next(self._numbers))
        self._jobs[name] = job
        self._engine.add_request(
            name, tokens_input(job.tokens), job.params, lora_request=self._lora
        )

    def _step(self) -> NumberedAnswers:
        try:
            outputs = self._engine.step()
        except Exception as exc:
            raise step_failed(exc) from exc
        answers: NumberedAnswers = []
        for output in outputs:
            assert isinstance(output, RequestOutput)
            name = output.request_id
            if name in self._jobs and self._jobs[name].is_over(output):
                job = self._jobs.pop(name)
                if not output.finished:
                    self._engine.abort_request([name])
                self._kept -= job.kept
                result = job.end(output)
                answers += result.answers
                for follow_up in result.follow_ups:
                    self._take(follow_up)
        return answers
