"""The backend `vllm`: lm_eval's model class for vLLM, with every context computed once.

lm_eval's own class sends each choice as a request of its own, context and all, and asks for the
log-probabilities of the whole prompt, which keeps vLLM from using its prefix cache
(https://github.com/EleutherAI/lm-evaluation-harness/issues/2418). Here

- a context is one request, which also returns the log-probabilities of the tokens that may follow
  (`logprob_token_ids`): for choices of one token, that is the answer;
- a choice of two tokens is a second request of the same kind, on the cached context and the first;
- a longer one is a second request of which the rows of the prompt are asked for, and only those of
  the choice are read;
- a text is the windows that the model reads at a time, each like a longer choice.

The numbers are those of plain transformers; `docs/design/scoring.md` lists where lm_eval's vLLM class
gives others.
"""

import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence, Set
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from lm_eval.api.instance import Instance
from lm_eval.models.utils import maybe_truncate
from lm_eval.models.vllm_causallms import VLLM
from lm_eval.utils import get_rolling_token_windows, make_disjoint_window
from vllm import RequestOutput, SamplingParams, TokensPrompt
from vllm.platforms import current_platform
from vllm.sampling_params import MAX_LOGPROB_TOKEN_IDS, RequestOutputKind

from evalboard.engine.loading.loader import LoadArguments
from evalboard.engine.loading.pretrained import check_whole
from evalboard.engine.streaming import (
    QUESTIONS_PER_BLOCK,
    CountTokens,
    Kind,
    NumberedAnswers,
    count_no_tokens,
)
from evalboard.engine.texts import RawTexts
from evalboard.engine.tokenising import keep_texts_open, require_prefix, without_prefix
from evalboard.engine.vllm_choices import (
    Choice,
    ContextGroup,
    TokenisedRequest,
    group_by_context,
    require_room,
)
from evalboard.engine.vllm_feeding import Feed, Job, JobResult
from evalboard.engine.vllm_last_layer import skip_unread_rows
from evalboard.engine.vllm_lengths import find_lengths
from evalboard.engine.vllm_options import execution_options
from evalboard.engine.vllm_registry import look_up
from evalboard.engine.vllm_reloading import replace_weights
from evalboard.engine.vllm_rows import Row, next_rows, prompt_rows, sum_up
from evalboard.engine.vllm_texts import Text, Texts, generation_options, with_own_seed
from evalboard.engine.vllm_thread import EngineThread
from evalboard.errors import HarnessError
from evalboard.process_environment import set_environment
from evalboard.records.precision import Precision

LmEvalVLLM: Any = VLLM
"""lm_eval's registration hides the type of its class."""

TEXTS_PER_CALL = 4096
"""Number of texts to tokenise together, a limit on memory."""
SEED = 1234
NO_SEED = (
    "vLLM on a CPU samples with a seed only if it computes whole prompts, and this machine's memory was too "
    "small for that. Evaluate this benchmark with the backend 'hf' (EVALBOARD_BACKEND), or on a machine "
    "with more memory."
)
FORMATS = {"load_format": "safetensors", "config_format": "hf", "tokenizer_mode": "hf"}
"""The formats that the checks read. By itself vLLM prefers Mistral's wherever it finds its files."""
ONE_TOKEN_LONGER = {"VLLM_ALLOW_LONG_MAX_MODEL_LEN": "1"}
"""Lets vLLM have a limit beyond the model's positions: the token beyond is never read."""


class Unit(NamedTuple):
    """One unit of work: a context with its choices, or one generation."""

    requests: frozenset[int]
    """Positions of the requests that it answers."""
    tokens: int
    """Tokens of its prompt, with those of all its choices."""
    jobs: Callable[[], list[Job]]


class CannotCompute(Exception):
    """Raised when vLLM cannot compute what it has loaded, for `evalboard.engine.loading.failures`."""


class VLLMModel(LmEvalVLLM):
    """A model in vLLM, by lm_eval's class.

    Args:
        pretrained: Folder of the model.
        max_model_len: Number of tokens that it reads at most, None for the model's own.
        may_cut: Whether requests that are longer than the maximum length are truncated.
        **options: As for lm_eval's class.
    """

    def __init__(
        self,
        pretrained: str,
        *,
        max_model_len: int | None = None,
        may_cut: bool = True,
        **options: Any,
    ) -> None:
        self.may_cut = may_cut
        lengths = find_lengths(pretrained, max_model_len)
        set_environment(ONE_TOKEN_LONGER)
        self._thread = EngineThread()
        self._tokenising = threading.Lock()
        self._thread.call(super().__init__, pretrained, max_model_len=lengths.engine, **options)
        self._max_length = lengths.read
        keep_texts_open(self.tokenizer)
        config = self.model.llm_engine.vllm_config
        self._caches = config.cache_config.enable_prefix_caching
        self._block_tokens = config.cache_config.block_size
        # On a CPU the last bits of a log-probability depend on what is computed together, and on
        # nothing else: where batches are the same, so are the numbers.
        self.reproducible = current_platform.is_cpu() and config.model_config.dtype == torch.float32
        if current_platform.is_cpu() and config.model_config.enforce_eager:
            self._thread.call(self.model.collective_rpc, skip_unread_rows)
        takes_parts = config.scheduler_config.enable_chunked_prefill
        self._draws_with_seed = not (current_platform.is_cpu() and takes_parts)
        self._feed = Feed(self.model, self.lora_request)

    def compute_one_token(self) -> None:
        """Compute something. A model for which the build of vLLM lacks a kernel fails only then.

        Raises:
            CannotCompute: The model is loaded, and of no use.
        """
        prompt, once = TokensPrompt(prompt_token_ids=[0]), SamplingParams(max_tokens=1)
        try:
            self._thread.call(self.model.generate, prompt, once, use_tqdm=False)
        except Exception as exc:
            raise CannotCompute(f"{type(exc).__name__}: {exc}") from exc

    def replace_weights(self, folder: Path) -> None:
        """Become another model of the same likeness; see `evalboard.engine.vllm_reloading`."""
        self._feed.abort()
        self._thread.call(replace_weights, self.model, str(folder))

    def tok_encode(self, *args: Any, **options: Any) -> Any:
        """Encode texts as lm_eval's class does, for one thread at a time."""
        with self._tokenising:
            return super().tok_encode(*args, **options)

    def stream(
        self,
        kind: Kind,
        requests: Sequence[Instance],
        wanted: Set[int],
        *,
        think_end: str | None = None,
        count_tokens: CountTokens = count_no_tokens,
    ) -> Generator[NumberedAnswers]:
        """Answer requests as a stream; see `StreamingModel`.

        In float32 on a CPU, requests run in blocks of 256 contexts that start with an empty prefix
        cache. The answers are therefore bit-identical, whatever ran before.

        Several threads can call it: one prepares its requests while those of another are answered.
        """
        if kind == "loglikelihood_rolling":
            yield from self._sum_windows(requests, wanted, count_tokens)
            return
        is_text = kind == "generate_until"
        units = self._text_units(requests, think_end) if is_text else self._choice_units(requests)
        count_tokens(sum(unit.tokens for unit in units))
        # A continuation that adds no token is certain.
        empty = wanted - frozenset().union(*(unit.requests for unit in units))
        yield [(number, (0.0, True)) for number in sorted(empty)]
        yield from self._answer(units, wanted)

    def _sum_windows(
        self, requests: Sequence[Instance], wanted: Set[int], count_tokens: CountTokens
    ) -> Generator[NumberedAnswers]:
        """Answer texts: each is the windows that the model reads at a time, with the tokens of its own.

        The windows are lm_eval's: each has one token before those that it adds.
        """
        windows = [self._windows(*request.args) for request in requests]
        owners = [number for number, its in enumerate(windows) for _ in its]
        units = [
            Unit(
                frozenset([place]),
                len(window.continuation),
                partial(self._window_jobs, place, window),
            )
            for place, window in enumerate(chain.from_iterable(windows))
        ]
        count_tokens(sum(unit.tokens for unit in units))
        scores: dict[int, dict[int, float]] = {number: {} for number in range(len(requests))}
        yield [(number, 0.0) for number in sorted(wanted) if not windows[number]]
        asked = {place for place, owner in enumerate(owners) if owner in wanted}
        for answers in self._answer(units, asked):
            for place, answer in answers:
                logprob, _ = cast("tuple[float, bool]", answer)
                scores[owners[place]][place] = logprob
            done = {owners[place] for place, _ in answers}
            yield [
                (number, sum(logprob for _, logprob in sorted(scores[number].items())))
                for number in sorted(done)
                if len(scores[number]) == len(windows[number])
            ]

    def _window_jobs(self, place: int, window: TokenisedRequest) -> list[Job]:
        choice = Choice(place, tuple(window.continuation))
        return [self._choice_job(tuple(window.context), choice, None)]

    def _windows(self, text: str) -> list[TokenisedRequest]:
        found = get_rolling_token_windows(
            token_list=self.tok_encode(text),
            prefix_token=require_prefix(self.prefix_token_id),
            max_seq_len=self.max_length,
            context_len=1,
        )
        return [TokenisedRequest(*make_disjoint_window(window)) for window in found]

    def _answer(self, units: Sequence[Unit], wanted: Set[int]) -> Generator[NumberedAnswers]:
        """Answer units in the engine's thread. Their requests are built here, before it has a turn."""
        parts = [
            [job for unit in part for job in unit.jobs()] for part in self._parts(units, wanted)
        ]
        yield from self._thread.iterate(partial(self._work, parts))

    def _parts(self, units: Sequence[Unit], wanted: Set[int]) -> list[Sequence[Unit]]:
        """Return the units to answer, in parts: where numbers must not change, in whole blocks."""
        if not self.reproducible:
            return [[unit for unit in units if not wanted.isdisjoint(unit.requests)]]
        starts = range(0, len(units), QUESTIONS_PER_BLOCK)
        blocks = [units[start : start + QUESTIONS_PER_BLOCK] for start in starts]
        return [b for b in blocks if any(not wanted.isdisjoint(unit.requests) for unit in b)]

    def _work(self, parts: Sequence[Sequence[Job]]) -> Generator[NumberedAnswers]:
        """Answer parts one after the other, in the engine's thread."""
        for part in parts:
            if self.reproducible:
                self._feed.abort()
                self.model.reset_prefix_cache()
            yield from self._feed.run(part)

    def _choice_units(self, requests: Sequence[Instance]) -> list[Unit]:
        groups = group_by_context(
            self._tokenise(requests),
            max_tokens=self.max_length + 1,  # the last one is not read
            max_choices=MAX_LOGPROB_TOKEN_IDS,
            may_cut=self.may_cut,
        )
        return [
            Unit(
                frozenset(c.request for c in group.choices),
                len(group.context) + sum(len(c.tokens) for c in group.choices),
                partial(self._context_jobs, group),
            )
            for group in groups
        ]

    def _context_jobs(self, group: ContextGroup) -> list[Job]:
        longer = group.longer_choices
        is_shared = self._caches and len(longer) > 1 and len(group.context) >= self._block_tokens
        if len(longer) == len(group.choices) and not is_shared:
            return [self._choice_job(group.context, choice, None) for choice in longer]
        return [
            Job(
                tokens=list(group.context),
                params=_one_token(logprob_token_ids=group.first_tokens),
                end=partial(self._end_context, group),
                kept=len(group.context) if longer else 0,
            )
        ]

    def _end_context(self, group: ContextGroup, output: RequestOutput) -> JobResult:
        """Answer the choices with one token, and request the others on the cached context."""
        first = next_rows(output)
        answers: NumberedAnswers = [
            (choice.request, first[choice.tokens[0]])
            for choice in group.choices
            if len(choice.tokens) == 1
        ]
        follow_ups = [
            self._choice_job(group.context, choice, first[choice.tokens[0]])
            for choice in group.longer_choices
        ]
        if follow_ups:  # the context stays for them, once for all
            one, *others = follow_ups
            follow_ups = [one._replace(kept=one.kept + len(group.context)), *others]
        return JobResult(answers, tuple(follow_ups))

    def _choice_job(
        self,
        context: tuple[int, ...],
        choice: Choice,
        first: Row | None,
        *,
        read_cache: bool = True,
    ) -> Job:
        """Ask for the rows of a choice; of the first only where it is not known.

        The last token is not part of the prompt: its row is that of the next token. Those between
        the first and the last are rows of the prompt, which cost vLLM an object for every position of
        it, and are not asked for where there are none.
        """
        *begin, last = choice.tokens
        between = begin[1:] if first else begin
        asked = {"prompt_logprobs": 1, "flat_logprobs": True} if between else {}
        return Job(
            tokens=[*context, *begin],
            params=_one_token(
                logprob_token_ids=[last], skip_reading_prefix_cache=not read_cache, **asked
            ),
            end=partial(self._end_choice, context, choice, first, between, read_cache),
            kept=len(choice.tokens),
        )

    def _end_choice(
        self,
        context: tuple[int, ...],
        choice: Choice,
        first: Row | None,
        between: Sequence[int],
        has_read_cache: bool,
        output: RequestOutput,
    ) -> JobResult:
        # The row of a token comes from the position before it, and of cached positions vLLM
        # returns memory as it happens to be.
        start = len(output.prompt_token_ids or ()) - len(between)
        is_hidden = between and (output.num_cached_tokens or 0) >= start
        rows = None if is_hidden else prompt_rows(between, output.prompt_logprobs or ())
        if rows is None:
            assert has_read_cache
            return JobResult([], (self._choice_job(context, choice, None, read_cache=False),))
        known = [first] if first else []
        last = next_rows(output)[choice.tokens[-1]]
        return JobResult([(choice.request, sum_up([*known, *rows, last]))])

    def _text_units(self, requests: Sequence[Instance], think_end: str | None) -> list[Unit]:
        contexts, gen_kwargs = zip(*(request.args for request in requests), strict=True)
        options = [
            with_own_seed(generation_options(asked), request.doc_id or 0)
            for asked, request in zip(gen_kwargs, requests, strict=True)
        ]
        if not self._draws_with_seed and any(asked.get("seed") is not None for asked in options):
            raise HarnessError(NO_SEED)
        encoded = self.tok_encode(list(contexts))
        texts = Texts(RawTexts(self.tokenizer, think_end), think_end, self._end_of_text())
        return [
            Unit(
                frozenset([i]),
                len(encoded[i]),
                partial(self._text_jobs, i, encoded[i], options[i], texts),
            )
            for i in sorted(range(len(requests)), key=encoded.__getitem__)
        ]

    def _text_jobs(
        self, index: int, tokens: list[int], options: dict[str, Any], texts: Texts
    ) -> list[Job]:
        """Request a text with lm_eval's interpretation of the arguments."""
        kwargs, stops, max_gen_toks = self.modify_gen_kwargs(
            options, eos=texts.eos, default_max_gen_toks=self.max_gen_toks
        )
        if not self.may_cut:
            require_room(len(tokens) + max_gen_toks, self.max_length)
        kept, room = maybe_truncate(
            tokens,
            max_gen_toks=max_gen_toks,
            max_model_len=self.max_length,
            side=self.truncation_side,
            verbose=True,
        )
        text = Text(index, stops, texts)
        return [text.job(kept, room=room, options=kwargs)]

    def _tokenise(self, requests: Sequence[Instance]) -> Iterator[TokenisedRequest]:
        for start in range(0, len(requests), TEXTS_PER_CALL):
            part = requests[start : start + TEXTS_PER_CALL]
            pairs = cast("list[tuple[str, str]]", [request.args for request in part])
            yield from self._encode_pairs(pairs)

    def _encode_pairs(self, pairs: Sequence[tuple[str, str]]) -> list[TokenisedRequest]:
        """Encode as lm_eval's `loglikelihood` does, every text once and all in one call.

        The prefix token is the context of a continuation that has none, or only white space.
        """
        moved = [_move_spaces(context, continuation) for context, continuation in pairs]
        contexts = self._encode_each(context for context, _ in moved)
        wholes = self._encode_each(a + b for a, b in moved if a)
        alone = self._encode_each((b for a, b in moved if not a), add_special_tokens=False)
        encoded: list[TokenisedRequest] = []
        for context, continuation in moved:
            if context:
                start = contexts[context]
                rest = wholes[context + continuation][len(start) :]
            else:
                prefix = require_prefix(self.prefix_token_id)
                start, rest = [prefix], without_prefix(alone[continuation], prefix)
            encoded.append(TokenisedRequest(start, rest))
        return encoded

    def _end_of_text(self) -> str | None:
        """Return the text of the EOS token, None if there is none: texts then end by their length."""
        if self.eot_token_id is None:
            return None
        return self.tokenizer.decode(self.eot_token_id) or self.tokenizer.eos_token

    def _encode_each(self, texts: Iterable[str], **options: Any) -> dict[str, list[int]]:
        distinct = [text for text in dict.fromkeys(texts) if text]
        encoded = self.tok_encode(distinct, **options) if distinct else []
        return {"": [], **dict(zip(distinct, encoded, strict=True))}


def prepare(architectures: Iterable[str]) -> None:
    """Let vLLM look at its own classes, and remember what it found."""
    look_up(architectures)


def load(arguments: LoadArguments) -> VLLMModel:
    """Load a model; see `evalboard.engine.loading.loader.load_model`."""
    check_whole(arguments.weights)
    share = {"gpu_memory_utilization": arguments.gpu_memory_fraction}
    model = VLLMModel(
        pretrained=str(arguments.weights),
        dtype=Precision(arguments.precision).facts.dtype,
        max_model_len=arguments.max_length,
        **FORMATS,
        may_cut=arguments.may_cut,
        tensor_parallel_size=arguments.tensor_parallel,
        batch_size="auto",
        seed=SEED,
        trust_remote_code=False,
        distributed_executor_backend="uni" if arguments.tensor_parallel == 1 else "mp",
        **_batch_limits(arguments),
        **({} if arguments.device == "cpu" else share),
        **execution_options(
            device=arguments.device,
            generates=arguments.generates,
            architectures=arguments.architectures,
            takes_parts=arguments.max_num_batched_tokens is not None,
        ),
    )
    if arguments.device == "cpu":  # where vLLM warms nothing up
        model.compute_one_token()
    return model


def replace(model: VLLMModel, arguments: LoadArguments) -> None:
    """Replace a model's weights; see `evalboard.engine.loading.loader.replace_model`."""
    check_whole(arguments.weights)
    model.replace_weights(arguments.weights)


def _batch_limits(arguments: LoadArguments) -> dict[str, int]:
    """Return the limits of a step that are set; vLLM has defaults for the others."""
    limits = {
        "max_num_seqs": arguments.max_num_seqs,
        "max_num_batched_tokens": arguments.max_num_batched_tokens,
    }
    return {name: limit for name, limit in limits.items() if limit}


def _move_spaces(context: str, continuation: str) -> tuple[str, str]:
    """Move a context's trailing spaces to its continuation, as lm_eval does."""
    kept = context.rstrip()
    return kept, context[len(kept) :] + continuation


def _one_token(**asked: Any) -> SamplingParams:
    """Return parameters for a request for log-probabilities without text."""
    return SamplingParams(
        temperature=0,
        max_tokens=1,
        detokenize=False,
        output_kind=RequestOutputKind.FINAL_ONLY,
        skip_clone=True,
        **asked,
    )
