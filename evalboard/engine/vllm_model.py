"""The backend `vllm`: lm_eval's model class for vLLM, with every context computed once.

lm_eval's own class sends each choice as a request of its own, context and all, and asks for the
log-probabilities of the whole prompt, which keeps vLLM from using its prefix cache
(https://github.com/EleutherAI/lm-evaluation-harness/issues/2418). Here

- a context is one request, which also returns the log-probabilities of the tokens that may follow
  (`logprob_token_ids`): for choices of one token, that is the answer;
- a choice of two tokens is a second request of the same kind, on the cached context and the first;
- a longer one is a second request of which the rows of the prompt are asked for, and only those of
  the choice are read;
- the rest (continuations that add no token, rolling log-likelihood) goes lm_eval's own way.

The numbers are lm_eval's: the same encoding, truncation and rule for what is greedy.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from functools import partial
from typing import Any, NamedTuple, cast

import torch
from lm_eval.api.instance import Instance
from lm_eval.models.utils import maybe_truncate, postprocess_generated_text
from lm_eval.models.vllm_causallms import VLLM
from vllm import RequestOutput, SamplingParams
from vllm.logprobs import Logprob
from vllm.model_executor.models import ModelRegistry
from vllm.platforms import current_platform
from vllm.sampling_params import MAX_LOGPROB_TOKEN_IDS, RequestOutputKind

from evalboard.engine.loading.loader import LoadArguments
from evalboard.engine.loading.pretrained import check_whole
from evalboard.engine.streaming import QUESTIONS_PER_BLOCK, Kind, NumberedAnswers
from evalboard.engine.vllm_choices import (
    Choice,
    ContextGroup,
    TokenisedRequest,
    group_by_context,
    require_room,
)
from evalboard.engine.vllm_feeding import Feed, Job, JobResult
from evalboard.engine.vllm_last_layer import skip_unread_rows
from evalboard.engine.vllm_options import execution_options
from evalboard.records.precision import Precision

LmEvalVLLM: Any = VLLM
"""lm_eval's registration hides the type of its class."""

TEXTS_PER_CALL = 4096
"""Number of texts to tokenise together, a limit on memory."""
SEED = 1234
FORMATS = {"load_format": "safetensors", "config_format": "hf", "tokenizer_mode": "hf"}
"""The formats that the checks read. By itself vLLM prefers Mistral's wherever it finds its files."""

Row = tuple[float, bool]
"""Log-probability of one token, and whether it is the most probable one."""


class Unit(NamedTuple):
    """One unit of work: a context with its choices, or one generation."""

    requests: frozenset[int]
    """Positions of the requests that it answers."""
    jobs: Callable[[], list[Job]]


class VLLMModel(LmEvalVLLM):
    """A model in vLLM. Takes the arguments of lm_eval's class.

    Args:
        *args: As for lm_eval's class.
        may_cut: Whether requests that are longer than the maximum length are truncated.
        **kwargs: As for lm_eval's class.
    """

    def __init__(self, *args: Any, may_cut: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.may_cut = may_cut
        config = self.model.llm_engine.vllm_config
        self._block_tokens = config.cache_config.block_size
        # On a CPU the last bits of a log-probability depend on what is computed together, and on
        # nothing else: where batches are the same, so are the numbers.
        self.reproducible = current_platform.is_cpu() and config.model_config.dtype == torch.float32
        if current_platform.is_cpu() and config.model_config.enforce_eager:
            self.model.collective_rpc(skip_unread_rows)
        self._feed = Feed(self.model, self.lora_request)
        self._turn = threading.Lock()
        self._tokenising = threading.Lock()

    def stream(
        self, kind: Kind, requests: Sequence[Instance], wanted: Set[int]
    ) -> Iterator[NumberedAnswers]:
        """Answer requests as a stream; see `StreamingModel`.

        In float32 on a CPU, requests run in blocks of 256 contexts that start with an empty prefix
        cache. The answers are therefore bit-identical, whatever ran before.

        Several threads can call it: one prepares its requests while those of another are answered.
        """
        units: list[Unit] = []
        if kind == "loglikelihood":
            units = self._choice_units(requests)
        elif kind == "generate_until":
            units = self._text_units(requests)
        odd = wanted - frozenset().union(*(unit.requests for unit in units))
        with self._turn:
            yield from self._work(units, wanted)
            for index in sorted(odd):
                (answer,) = getattr(self, kind)([requests[index]], disable_tqdm=True)
                yield [(index, answer)]

    def _work(self, units: Sequence[Unit], wanted: Set[int]) -> Iterator[NumberedAnswers]:
        if not self.reproducible:
            left = (unit for unit in units if not wanted.isdisjoint(unit.requests))
            yield from self._feed.run(job for unit in left for job in unit.jobs())
            return
        for start in range(0, len(units), QUESTIONS_PER_BLOCK):
            block = units[start : start + QUESTIONS_PER_BLOCK]
            if all(wanted.isdisjoint(unit.requests) for unit in block):
                continue
            self.model.reset_prefix_cache()
            steps = self._feed.run(job for unit in block for job in unit.jobs())
            yield [answer for step in steps for answer in step]

    def _choice_units(self, requests: Sequence[Instance]) -> list[Unit]:
        groups = group_by_context(
            self._tokenise(requests),
            max_tokens=self.max_length - 1,  # vLLM generates at least one token
            max_choices=MAX_LOGPROB_TOKEN_IDS,
            may_cut=self.may_cut,
        )
        return [
            Unit(frozenset(c.request for c in group.choices), partial(self._context_jobs, group))
            for group in groups
        ]

    def _context_jobs(self, group: ContextGroup) -> list[Job]:
        longer = group.longer_choices
        is_shared = len(longer) > 1 and len(group.context) >= self._block_tokens
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
        first = _next_rows(output)
        answers: NumberedAnswers = [
            (choice.request, first[choice.tokens[0]])
            for choice in group.choices
            if len(choice.tokens) == 1
        ]
        follow_ups = tuple(
            self._follow_up(group.context, choice, first[choice.tokens[0]])
            for choice in group.longer_choices
        )
        return JobResult(answers, follow_ups)

    def _follow_up(self, context: tuple[int, ...], choice: Choice, first: Row) -> Job:
        """Ask for the rows of a choice after its first.

        Where that is one, it is asked for as the context's were: rows of a prompt cost vLLM an
        object for every position of it.
        """
        begin, *rest = choice.tokens
        if len(rest) > 1:
            return self._choice_job(context, choice, first)
        return Job(
            tokens=[*context, begin],
            params=_one_token(logprob_token_ids=rest),
            end=partial(self._end_pair, choice, first),
            kept=1,
        )

    def _end_pair(self, choice: Choice, first: Row, output: RequestOutput) -> JobResult:
        second = _next_rows(output)[choice.tokens[1]]
        return JobResult([(choice.request, _sum_up([first, second]))])

    def _choice_job(
        self,
        context: tuple[int, ...],
        choice: Choice,
        first: Row | None,
        *,
        read_cache: bool = True,
    ) -> Job:
        """Ask for the rows of a choice; of the first only where it is not known."""
        return Job(
            tokens=[*context, *choice.tokens],
            params=_one_token(
                prompt_logprobs=1, flat_logprobs=True, skip_reading_prefix_cache=not read_cache
            ),
            end=partial(self._end_choice, context, choice, first),
            kept=len(choice.tokens),
        )

    def _end_choice(
        self, context: tuple[int, ...], choice: Choice, first: Row | None, output: RequestOutput
    ) -> JobResult:
        start = len(context) if first is None else len(context) + 1
        # The row of a token comes from the position before it, and of cached positions vLLM
        # returns memory as it happens to be.
        if (output.num_cached_tokens or 0) >= start:
            return JobResult([], (self._choice_job(context, choice, None, read_cache=False),))
        rows = choice_rows(choice.tokens, first, output.prompt_logprobs or ())
        return JobResult([(choice.request, _sum_up(rows))])

    def _text_units(self, requests: Sequence[Instance]) -> list[Unit]:
        contexts, gen_kwargs = zip(*(request.args for request in requests), strict=True)
        with self._tokenising:
            encoded = self.tok_encode(list(contexts))
            eos = self.tokenizer.decode(self.eot_token_id) or self.tokenizer.eos_token
        return [
            Unit(frozenset([i]), partial(self._text_jobs, i, encoded[i], gen_kwargs[i], eos))
            for i in sorted(range(len(requests)), key=encoded.__getitem__)
        ]

    def _text_jobs(
        self, index: int, tokens: list[int], gen_kwargs: dict[str, Any], eos: str
    ) -> list[Job]:
        """Request a text with lm_eval's interpretation of the arguments."""
        kwargs, until, max_gen_toks = self.modify_gen_kwargs(
            gen_kwargs, eos=eos, default_max_gen_toks=self.max_gen_toks
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
        params = SamplingParams(
            max_tokens=room, stop=until, output_kind=RequestOutputKind.FINAL_ONLY, **kwargs
        )

        def end(output: RequestOutput) -> JobResult:
            text = postprocess_generated_text(output.outputs[0].text, until, None)
            return JobResult([(index, text)])

        return [Job(kept, params, end)]

    def _tokenise(self, requests: Sequence[Instance]) -> Iterator[TokenisedRequest]:
        for start in range(0, len(requests), TEXTS_PER_CALL):
            part = requests[start : start + TEXTS_PER_CALL]
            pairs = cast("list[tuple[str, str]]", [request.args for request in part])
            with self._tokenising:
                encoded = self._encode_pairs(pairs)
            yield from encoded

    def _encode_pairs(self, pairs: Sequence[tuple[str, str]]) -> list[TokenisedRequest]:
        """Encode as lm_eval's `loglikelihood` does, every text once and all in one call."""
        moved = [_move_spaces(context, continuation) for context, continuation in pairs]
        contexts = self._encode_each(context for context, _ in moved)
        wholes = self._encode_each(a + b for a, b in moved if a or b)
        alone = self._encode_each((b for a, b in pairs if not a), add_special_tokens=False)
        encoded: list[TokenisedRequest] = []
        for (context, continuation), (asked_context, asked) in zip(moved, pairs, strict=True):
            if asked_context:
                start = contexts[context]
                rest = wholes[context + continuation][len(start) :]
            elif alone[asked][:1] == [self.prefix_token_id]:
                start, rest = alone[asked][:1], alone[asked][1:]
            else:
                start, rest = [self.prefix_token_id], alone[asked]
            encoded.append(TokenisedRequest(start, rest))
        return encoded

    def _encode_each(self, texts: Iterable[str], **options: Any) -> dict[str, list[int]]:
        distinct = [text for text in dict.fromkeys(texts) if text]
        encoded = self.tok_encode(distinct, **options) if distinct else []
        return {"": [], **dict(zip(distinct, encoded, strict=True))}


def prepare(architectures: Iterable[str]) -> None:
    """Let vLLM look at its own classes, in a process that it starts, and remember what it found."""
    for name in architectures:
        if registered := ModelRegistry.models.get(name):
            registered.inspect_model_cls()


def load(arguments: LoadArguments) -> VLLMModel:
    """Load a model; see `evalboard.engine.loading.loader.load_model`."""
    check_whole(arguments.weights)
    share = {"gpu_memory_utilization": arguments.gpu_memory_fraction}
    return VLLMModel(
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
        ),
    )


def _batch_limits(arguments: LoadArguments) -> dict[str, int]:
    """Return the limits of a step that are set; vLLM has defaults for the others."""
    limits = {
        "max_num_seqs": arguments.max_num_seqs,
        "max_num_batched_tokens": arguments.max_num_batched_tokens,
    }
    return {name: limit for name, limit in limits.items() if limit}


def choice_rows(
    tokens: Sequence[int], first: Row | None, found: Sequence[dict[int, Logprob] | None]
) -> list[Row]:
    """Return the rows of a choice's tokens.

    Args:
        tokens: The choice, which is the end of the prompt.
        first: The row of its first token, where it is known already.
        found: Rows of the prompt's tokens. vLLM's model runner on a CPU gives one for each, the one
            on a GPU leaves those of cached tokens out: the last ones are the choice's in both.
    """
    rows = [] if first is None else [first]
    unknown = tokens[len(rows) :]
    for token, likely in zip(unknown, found[-len(unknown) :], strict=True):
        assert likely is not None
        rows.append(_rows(likely)[token])
    return rows


def _next_rows(output: RequestOutput) -> dict[int, Row]:
    """Return the rows of the tokens that may follow a prompt: those asked for, and the likeliest."""
    return _rows((output.outputs[0].logprobs or [{}])[0])


def _rows(likely: Mapping[int, Logprob]) -> dict[int, Row]:
    """Return the rows of the tokens at one position, the likeliest of all among them."""
    best = max(row.logprob for row in likely.values())
    return {token: (row.logprob, row.logprob >= best) for token, row in likely.items()}


def _sum_up(rows: Sequence[Row]) -> tuple[float, bool]:
    """Return a choice's log-likelihood, and whether it is the greedy answer."""
    return sum(logprob for logprob, _ in rows), all(greedy for _, greedy in rows)


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
