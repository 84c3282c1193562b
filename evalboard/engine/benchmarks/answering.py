"""An lm_eval model with memory: it asks a loaded model only unanswered requests."""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence, Set
from contextlib import closing
from typing import Any, NamedTuple

from lm_eval.api.instance import Instance
from lm_eval.api.model import LM

from evalboard.engine.benchmarks.answer_log import request_keys
from evalboard.engine.benchmarks.cutting import Question, cut_questions
from evalboard.engine.benchmarks.prompts import chat_renderer
from evalboard.engine.keeping import AnswerKeeper
from evalboard.engine.streaming import Answer, GeneratedText, Kind, StreamingModel
from evalboard.errors import HarnessError, NotFinite
from evalboard.reading.answers import Reading
from evalboard.reading.thinking import opens_thinking
from evalboard.records.precision import Precision

REPORT_SECONDS = 1.0
DAMAGED = (
    "The weights probably contain infinite or NaN values. EVALBOARD_CHECK_FINITE=true names them "
    "before loading. Save the model again in the precision of its training."
)
QUANTISED = (
    "Either the quantisation makes the model overflow, or its weights contain infinite or NaN values. "
    "Submit the model in the precision of its training."
)
CAUSES = {
    Precision.FLOAT16: "In float16, whose largest number is 65,504, models that were trained in "
    "bfloat16 or float32 can overflow. Submit the model in bfloat16 or float32.",
    Precision.BFLOAT16: DAMAGED,
    Precision.FLOAT32: DAMAGED,
    Precision.INT8: QUANTISED,
    Precision.INT4: QUANTISED,
    Precision.PREQUANTISED: QUANTISED,
}
"""The probable causes of answers that are not finite, and what to do."""

Report = Callable[[int, int], None]
"""Called with the number of answered questions and their total."""


class Readout(NamedTuple):
    """What was read from an answer in words."""

    choices: tuple[str, ...]
    """The texts of the question's choices."""
    reading: Reading


class TaskText(str):
    """A text as lm_eval's filters read it, with what it was before.

    lm_eval hands the object itself back in its samples.
    """

    __slots__ = ("made", "readout", "thinking_opened")
    made: GeneratedText
    thinking_opened: bool
    """Whether the prompt ended with the beginning of a thinking."""
    readout: Readout | None
    """What a task of our own has read, None for other tasks."""

    @classmethod
    def of(cls, made: GeneratedText, *, prompt: str = "") -> "TaskText":
        """Return the answer in a text."""
        text = cls(made.answer)
        text.made, text.readout = made, None
        text.thinking_opened = opens_thinking(prompt)
        return text


class AnsweringModel(LM):
    """One benchmark's view of a loaded model.

    Args:
        model: A loaded model, which gets everything except known requests.
        log: Known answers. New ones are added as they arrive.
        report: Called at the start, at most once a second, and at the end.
        precision: Of the model.
        think_end: End token of the thinking, None if the model does not think.
        may_cut: Whether a question can be asked of which the model does not see the beginning.
    """

    def __init__(
        self,
        model: Any,
        log: AnswerKeeper,
        report: Report,
        *,
        precision: Precision,
        think_end: str | None = None,
        may_cut: bool = True,
    ) -> None:
        super().__init__()
        self._model = model
        self._log = log
        self._report = report
        self._precision = precision
        self._think_end = think_end
        self._may_cut = may_cut
        self.cut: set[Question] = set()
        """Questions of which the model does not see the beginning."""
        self.unfinished: set[Question] = set()
        """Questions that the model was still thinking about when its text ended."""
        self.generated_tokens: int | None = 0
        """Tokens of all texts, with those that an earlier engine wrote. None where they are not known."""
        self.prompt_tokens = 0
        """Tokens of all prompts, with those that an earlier engine read; see `StreamingModel`."""

    def loglikelihood(
        self, requests: list[Instance], disable_tqdm: bool = False
    ) -> list[tuple[float, bool]]:
        """Return the log-likelihood of every continuation, and whether it is greedy."""
        return self._answer("loglikelihood", requests)

    def loglikelihood_rolling(
        self, requests: list[Instance], disable_tqdm: bool = False
    ) -> list[float]:
        """Return the log-likelihood of every text."""
        return self._answer("loglikelihood_rolling", requests)

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """Return the answer that follows every context, empty after a thinking without its end."""
        texts: list[GeneratedText] = self._answer("generate_until", requests)
        counts = [text.tokens for text in texts]
        known = [count for count in counts if count is not None]
        self.generated_tokens = sum(known) if len(known) == len(counts) else None
        if self._think_end is not None:
            self.unfinished |= {
                (request.task_name, request.doc_id)
                for request, text in zip(requests, texts, strict=True)
                if self._think_end not in text.raw
            }
        asked: list[tuple[Any, ...]] = [request.args for request in requests]
        return [TaskText.of(text, prompt=args[0]) for text, args in zip(texts, asked, strict=True)]

    def apply_chat_template(
        self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True
    ) -> str:
        """Return a conversation as one text."""
        render = chat_renderer(self._model.tokenizer, enable_thinking=self._think_end is not None)
        return render(chat_history, add_generation_prompt)

    def chat_template(self, chat_template: bool | str = False) -> str | None:
        """Return the model's chat template."""
        return self._model.chat_template(chat_template)

    @property
    def tokenizer_name(self) -> str:
        """Name of the tokenizer."""
        return self._model.tokenizer_name

    def _answer(self, kind: Kind, requests: list[Instance]) -> list[Any]:
        keys = request_keys(kind, requests)
        distinct = list(dict.fromkeys(keys))
        by_key = dict(zip(reversed(keys), reversed(requests), strict=True))
        asked = [by_key[key] for key in distinct]
        wanted = {n for n, key in enumerate(distinct) if self._log.get(key) is None}
        progress = _Progress(asked, wanted, self._report)
        self.cut |= cut_questions(self._model, kind, requests)
        if self.cut and not self._may_cut:
            raise HarnessError(
                f"{len(self.cut)} questions are longer than the model's context with room for an "
                "answer, and this suite asks only whole questions. Evaluate a model with a longer "
                "context."
            )
        model: StreamingModel = self._model
        answering = model.stream(
            kind, asked, wanted, think_end=self._think_end, count_tokens=self._count_tokens
        )
        with closing(answering) as stream:
            for answers in stream:
                new = [(n, answer) for n, answer in answers if n in wanted]
                for n, answer in new:
                    _require_finite(answer, asked[n], self._precision)
                self._log.add((distinct[n], answer) for n, answer in new)
                progress.note(n for n, _ in new)
        progress.tell()
        return [self._log.get(key) for key in keys]

    def _count_tokens(self, tokens: int) -> None:
        self.prompt_tokens += tokens


class _Progress:
    """Counts questions. A question is done when all its requests are."""

    def __init__(self, requests: Sequence[Instance], wanted: Set[int], report: Report) -> None:
        self._question = [(request.task_name, request.doc_id) for request in requests]
        self._total = len(set(self._question))
        self._open = Counter(self._question[n] for n in wanted)
        self._report = report
        self.tell()

    def note(self, answered: Iterable[int]) -> None:
        for n in answered:
            question = self._question[n]
            self._open[question] -= 1
            if not self._open[question]:
                del self._open[question]
        if time.monotonic() - self._told >= REPORT_SECONDS:
            self.tell()

    def tell(self) -> None:
        self._told = time.monotonic()
        self._report(self._total - len(self._open), self._total)


def _require_finite(answer: Answer, request: Instance, precision: Precision) -> None:
    """Refuse an answer without a finite log-probability.

    Raises:
        NotFinite: A log-probability is NaN or infinite.
    """
    value = answer[0] if isinstance(answer, tuple) else answer
    if isinstance(value, float) and not math.isfinite(value):
        raise NotFinite(
            f"The model returned the log-probability {value} for question {request.doc_id} of "
            f"{request.task_name!r}. {CAUSES[precision]}"
        )
