"""Feed a vLLM engine gradually, and collect finished requests after every step.

`vllm.LLM.generate` takes all requests at once and answers when the last is done. Here answers
arrive when they are ready. A finished request can create further ones, and their number is limited
so that their contexts stay in the cache.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import NamedTuple

from vllm import LLM, RequestOutput, SamplingParams
from vllm.inputs.engine import tokens_input
from vllm.lora.request import LoRARequest

from evalboard.engine.streaming import NumberedAnswers

KEPT_CACHE_FRACTION = 0.5
"""Fraction of the KV cache for contexts that are needed again."""


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
        self._kept = 0
        config = self._engine.vllm_config
        cache_tokens = (config.cache_config.num_gpu_blocks or 0) * config.cache_config.block_size
        self._max_kept_tokens = int(cache_tokens * KEPT_CACHE_FRACTION)
        # Enough that a full batch is always waiting behind the running one.
        self._max_jobs = 2 * config.scheduler_config.max_num_seqs

    def run(self, jobs: Iterable[Job]) -> Iterator[NumberedAnswers]:
        """Run jobs in order, and their follow-up jobs.

        Yields:
            The answers of each step of the engine that finished some.
        """
        source = iter(jobs)
        waiting = next(source, None)
        try:
            while waiting or self._jobs:
                while waiting and self._has_room(waiting):
                    self._submit(waiting)
                    waiting = next(source, None)
                if answers := self._step():
                    yield answers
        finally:
            self._engine.abort_request(list(self._jobs))
            self._jobs.clear()
            self._kept = 0

    def _has_room(self, job: Job) -> bool:
        if not self._jobs:
            return True
        return len(self._jobs) < self._max_jobs and self._kept + job.kept <= self._max_kept_tokens

    def _submit(self, job: Job) -> None:
        name = str(next(self._numbers))
        self._jobs[name] = job
        self._kept += job.kept
        self._engine.add_request(
            name, tokens_input(job.tokens), job.params, lora_request=self._lora
        )

    def _step(self) -> NumberedAnswers:
        answers: NumberedAnswers = []
        for output in self._engine.step():
            if isinstance(output, RequestOutput) and output.finished:
                job = self._jobs.pop(output.request_id)
                self._kept -= job.kept
                result = job.end(output)
                answers += result.answers
                for follow_up in result.follow_ups:
                    self._submit(follow_up)
        return answers
