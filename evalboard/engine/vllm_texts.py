"""The texts that vLLM writes: their arguments, where they end, and what is kept of them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from vllm import CompletionOutput, RequestOutput, SamplingParams
from vllm.sampling_params import RequestOutputKind

from evalboard.engine.streaming import Ending, GeneratedText
from evalboard.engine.texts import AnswerEnd, RawTexts, answer_in
from evalboard.engine.vllm_feeding import Job, JobResult
from evalboard.errors import HarnessError

SEED_BITS = 20
"""Of a seed, below the number of the question: seeds of several runs stay apart."""
GENERATION_OPTIONS = {
    *SamplingParams.__struct_fields__,
    *("until", "do_sample", "max_gen_toks", "max_new_tokens", "max_completion_tokens"),
}
"""Generation arguments that vLLM takes, and those that lm_eval translates for it."""
IDLE_OPTIONS = {"num_beams": 1}
"""Generation arguments of transformers that vLLM does not have, at values that change nothing."""


class Texts(NamedTuple):
    """What the texts of a call have in common."""

    raw: RawTexts
    think_end: str | None
    """End token of the thinking, None without one."""
    eos: str | None
    """Text of the EOS token."""


class Text:
    """A text that vLLM writes.

    Args:
        index: Position of its request.
        stops: Texts that end its answer.
        texts: What it has in common with the others.
    """

    def __init__(self, index: int, stops: Sequence[str], texts: Texts) -> None:
        self._index = index
        self._stops = stops
        self._texts = texts
        self._tokens: list[int] = []
        self._answer_end = AnswerEnd(stops, texts.think_end)
        self._is_stopped = False

    def job(self, tokens: list[int], *, room: int, options: Mapping[str, Any]) -> Job:
        """Return the job of writing the text.

        Args:
            tokens: The prompt.
            room: Limit of new tokens.
            options: Further arguments of vLLM.
        """
        if self._texts.think_end is None:
            asked = {"stop": self._stops, "output_kind": RequestOutputKind.FINAL_ONLY}
        else:  # vLLM would end the thinking at a stop text
            asked = {"output_kind": RequestOutputKind.DELTA}
        params = SamplingParams(max_tokens=room, **asked, **options)
        return Job(tokens, params, self._end, is_over=self._is_over)

    def _is_over(self, output: RequestOutput) -> bool:
        """Take a part of the text, and return whether it is the last one.

        Without a thinking, the whole text is one part, and vLLM has looked for the stop texts.
        """
        (part,) = output.outputs
        self._tokens += part.token_ids
        if self._texts.think_end is not None:
            self._is_stopped = self._answer_end.is_reached(part.text)
        return output.finished or self._is_stopped

    def _end(self, output: RequestOutput) -> JobResult:
        """Return the text."""
        raw = self._texts.raw.read(self._tokens)
        text = GeneratedText(
            answer=answer_in(raw, self._stops, self._texts.think_end),
            raw=raw,
            end="stop" if self._is_stopped else _ending(output.outputs[0]),
            tokens=len(self._tokens),
        )
        return JobResult([(self._index, text)])


def _ending(text: CompletionOutput) -> Ending:
    """Return why vLLM ended a text. The reason for a stop is None at the EOS token, or its number."""
    if text.finish_reason == "length":
        return "length"
    return "stop" if isinstance(text.stop_reason, str) else "eos"


def generation_options(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return a task's generation arguments as vLLM must get them.

    Generation is greedy unless the task asks for samples, as in lm_eval's Hugging Face class: its
    vLLM class leaves vLLM's own temperature of 1 to a task that says nothing.

    Raises:
        HarnessError: vLLM does not support an argument.
    """
    options = {name: value for name, value in asked.items() if IDLE_OPTIONS.get(name) != value}
    if unsupported := options.keys() - GENERATION_OPTIONS:
        raise HarnessError(
            f"vLLM does not support the generation arguments "
            f"{', '.join(f'{name}: {asked[name]}' for name in sorted(unsupported))}. Remove them "
            "from the task's generation_kwargs, or evaluate this benchmark with the backend 'hf' "
            "(EVALBOARD_BACKEND)."
        )
    return options if options.get("do_sample") else {"temperature": 0.0, **options}


def with_own_seed(options: dict[str, Any], question: int) -> dict[str, Any]:
    """Give a question draws of its own. With one seed for all, vLLM would draw the same noise for each.

    Args:
        options: What `generation_options` returns, with a seed if the text is sampled.
        question: Number of the question in its task.
    """
    if options.get("seed") is None:
        return options
    return {**options, "seed": options["seed"] + (question << SEED_BITS)}
