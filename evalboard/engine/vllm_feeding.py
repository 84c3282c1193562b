"""Feed a vLLM engine little by little, and take what it has finished after every step.

`vllm.LLM.generate` takes all requests at once and answers when the last is done. Here answers come
as they are ready, a finished request may ask for further ones, and no more of those are under way
than leaves their contexts in the cache.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import NamedTuple

from vllm import LLM, RequestOutput, SamplingParams
from vllm.inputs.engine import tokens_input
from vllm.lora.request import LoRARequest

from evalboard.engine.streaming import NumberedAnswers

KEPT_CACHE_FRACTION = 0.5
"""Of the KV cache, for contexts that are to be read again."""


class JobResult(NamedTuple):
    """What a finished request gives."""

    answers: NumberedAnswers
    follow_ups: "tuple[Job, ...]" = ()
    """Requests to be made now that this one is done."""


class Job(NamedTuple):
    """One request to the engine."""

    tokens: list[int]
    params: SamplingParams
    end: Callable[[RequestOutput], JobResult]
    kept: int = 0
    """Tokens of the KV cache that have to stay for what follows this job."""


class Feed:
    """The requests that are under way in one engine.

    Args:
        llm: The engine.
        lora: Adapter that every request uses.
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
        """Work on jobs, in their order, and on what follows them.

        Yields:
            The answers of one step of the engine, where it finished any.
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
