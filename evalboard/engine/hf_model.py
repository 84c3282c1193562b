"""The backend `hf`: lm_eval's model class for transformers, with answers as a stream."""

import threading
from collections.abc import Generator, Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from lm_eval.models.utils import Collator, handle_stop_sequences, normalize_gen_kwargs
from transformers import BitsAndBytesConfig, GenerationConfig, StoppingCriteria

from evalboard.backends import HF
from evalboard.engine.lengths import LONG_ROPES, rope_types
from evalboard.engine.loading.adapters import put_adapter
from evalboard.engine.loading.loader import LoadArguments
from evalboard.engine.loading.pretrained import load_pretrained
from evalboard.engine.streaming import (
    QUESTIONS_PER_BLOCK,
    CountTokens,
    Ending,
    GeneratedText,
    Kind,
    NumberedAnswers,
    count_no_tokens,
)
from evalboard.engine.texts import AnswerEnd, RawTexts, TextPieces, answer_in
from evalboard.engine.tokenising import keep_texts_open, require_prefix, without_prefix
from evalboard.records.precision import Precision

LmEvalHFLM: Any = HFLM
"""lm_eval's registration hides the type of its class."""
TOKENS_OF_TEXTS = ("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id")
"""The generation settings of a model that say where its texts begin and end."""

_Pair = tuple[tuple[str, str], list[int], list[int]]
"""Context and continuation, and their tokens."""


class HFModel(LmEvalHFLM):
    """A model in transformers. Takes the arguments of lm_eval's class."""

    may_cut = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        keep_texts_open(self.tokenizer)
        rows = self.config.get_text_config().vocab_size
        if self.tokenizer.pad_token_id >= rows:
            # The model does not have it. A special one is not part of texts that end early.
            special = [token for token in self.tokenizer.all_special_ids if token < rows]
            self.tokenizer.pad_token_id = special[0] if special else 0
        self._turn = threading.Lock()

    def tok_encode(self, string: str, *args: Any, **options: Any) -> list[int]:
        """Encode a text as lm_eval's class does, which fails without a BOS or EOS token."""
        if self.prefix_token_id is None:
            return self.tokenizer.encode(string)
        return super().tok_encode(string, *args, **options)

    def tok_decode(self, tokens: Any, *args: Any, **options: Any) -> str | None:
        """Return the text of tokens, None for an EOS token that does not exist."""
        return None if tokens is None else super().tok_decode(tokens, *args, **options)

    def _encode_pair(self, context: str, continuation: str) -> tuple[list[int], list[int]]:
        """Encode a request; a context of white space only is a text that begins."""
        if context.strip():
            return super()._encode_pair(context, continuation)
        whole = self.tok_encode(context + continuation, add_special_tokens=False)
        return [self.prefix_token_id], without_prefix(whole, self.prefix_token_id)

    def stream(
        self,
        kind: Kind,
        requests: Sequence[Instance],
        wanted: Set[int],
        *,
        think_end: str | None = None,
        count_tokens: CountTokens = count_no_tokens,
    ) -> Generator[NumberedAnswers]:
        """Answer requests block by block, and texts batch by batch; see `StreamingModel`.

        What is partly known is computed completely, because the requests of a batch stay together.

        Raises:
            HarnessError: A text must begin without a context, and the tokenizer has no token for it.
        """
        has_contexts = kind == "loglikelihood" and all(r.args[0].strip() for r in requests)
        if kind != "generate_until" and not has_contexts:
            require_prefix(self.prefix_token_id)
        for block in question_blocks(requests):
            asked = [requests[i] for i in block]
            pairs = self._pairs(asked) if kind == "loglikelihood" else []
            count_tokens(_tokens_of(pairs) if pairs else self._tokens_of_texts(asked))
            if wanted.isdisjoint(block):
                continue
            if kind == "generate_until":
                yield from self._generate(requests, block, wanted, think_end)
                continue
            with self._turn:
                answers = (
                    self._loglikelihood_tokens(pairs, disable_tqdm=True)
                    if pairs
                    else self.loglikelihood_rolling(asked, disable_tqdm=True)
                )
            yield list(zip(block, answers, strict=True))

    def _pairs(self, requests: Sequence[Instance]) -> list[_Pair]:
        """Return contexts and continuations, encoded, in the form of lm_eval's `_loglikelihood_tokens`."""
        pairs: Any = [request.args for request in requests]
        return [(pair, *self._encode_pair(*pair)) for pair in pairs]

    def _tokens_of_texts(self, requests: Sequence[Instance]) -> int:
        """Return how many tokens the first texts of requests have."""
        return sum(len(self.tok_encode(request.args[0])) for request in requests)

    def _generate(
        self,
        requests: Sequence[Instance],
        block: Sequence[int],
        wanted: Set[int],
        think_end: str | None,
    ) -> Generator[NumberedAnswers]:
        """Continue the contexts of a block, in lm_eval's batches: the longest first, equal arguments together.

        lm_eval's method returns the answers alone, and looks for stop texts in the thinking, too.
        """

        def longest_first(asked: Any) -> tuple[int, str]:
            return -len(self.tok_encode(asked[0])), asked[0]

        def options_of(asked: Any) -> dict[str, Any]:
            return asked[1]

        arguments: list[Any] = [(*requests[i].args, i) for i in block]
        ordered: Any = Collator(
            arguments, sort_fn=longest_first, group_by="gen_kwargs", group_fn=options_of
        )
        for batch in ordered.get_batched(n=self.batch_size):
            contexts, (options, *_), places = zip(*batch, strict=True)
            if not wanted.isdisjoint(places):
                with self._turn:
                    texts = self._generate_batch(contexts, options, think_end)
                yield list(zip(places, texts, strict=True))

    def _generate_batch(
        self, contexts: Sequence[str], asked: dict[str, Any], think_end: str | None
    ) -> list[GeneratedText]:
        """Continue contexts with lm_eval's interpretation of the arguments."""
        options: dict[str, Any] = {**normalize_gen_kwargs(asked, self.max_gen_toks)}
        eos = self.tok_decode(self.eot_token_id, skip_special_tokens=False)
        stops = handle_stop_sequences(options.pop("until", None), eos=eos)
        room, seed = options.pop("max_gen_toks"), options.pop("seed", None)
        prompts, mask = self.tok_batch_encode(
            list(contexts),
            left_truncate_len=self.max_length - room,
            truncation=self.truncation,
        )
        begin = prompts.shape[1]
        if not options.get("do_sample"):
            options.pop("temperature", None)
        ends = _AnswerEnds(
            self.tokenizer, stops, think_end, begin, are_beams=options.get("num_beams", 1) > 1
        )
        with _seeded(seed):
            rows = self.model.generate(
                input_ids=prompts.to(self.device),
                attention_mask=mask.to(self.device),
                max_length=options.pop("max_length", begin + room),
                stopping_criteria=[ends],
                pad_token_id=self.tokenizer.pad_token_id,
                use_cache=True,
                **options,
            )
        raw_texts = RawTexts(self.tokenizer, think_end)
        texts: list[GeneratedText] = []
        for row in rows[:, begin:].tolist():
            tokens, end = self._ended(row, ends.follow())
            raw = raw_texts.read(tokens)
            texts.append(GeneratedText(answer_in(raw, stops, think_end), raw, end, len(tokens)))
        return texts

    def _ended(self, row: list[int], text: "_FollowedText") -> tuple[list[int], Ending]:
        """Return the tokens of a text, without the padding after them, and why it ended."""
        eos = self.model.generation_config.eos_token_id
        ends = {eos} if isinstance(eos, int) else set(eos or ())
        for number, token in enumerate(row, start=1):
            if token in ends:
                return row[:number], "eos"
            if text.is_over([token]):
                return row[:number], "stop"
        return row, "length"


def _tokens_of(pairs: Sequence[_Pair]) -> int:
    """Return how many tokens pairs have: a context counts once, and with it each of its continuations."""
    contexts = {tuple(context) for _, context, _ in pairs}
    return sum(map(len, contexts)) + sum(len(continuation) for _, _, continuation in pairs)


class _FollowedText:
    """A text that transformers writes, token by token."""

    def __init__(self, tokenizer: Any, stops: Sequence[str], think_end: str | None) -> None:
        self._pieces = TextPieces(tokenizer)
        self._end = AnswerEnd(stops, think_end)

    def is_over(self, tokens: Iterable[int]) -> bool:
        """Return whether a stop text has come with the next tokens."""
        reached = [self._end.is_reached(self._pieces.add(token)) for token in tokens]
        return any(reached)


class _AnswerEnds(StoppingCriteria):
    """Ends each text of a batch at a stop text of its answer.

    Args:
        tokenizer: The tokenizer.
        stops: Texts that end an answer.
        think_end: End token of the thinking, None without one.
        begin: Number of tokens of the prompts.
        are_beams: Whether the rows are beams, which change their places.
    """

    def __init__(
        self,
        tokenizer: Any,
        stops: Sequence[str],
        think_end: str | None,
        begin: int,
        *,
        are_beams: bool,
    ) -> None:
        self._texts: list[_FollowedText] = []
        self._begin = begin
        self._are_beams = are_beams
        self._of = (tokenizer, stops, think_end)

    def follow(self) -> _FollowedText:
        """Return a text that begins."""
        return _FollowedText(*self._of)

    def __call__(self, input_ids: torch.LongTensor, scores: Any, **more: Any) -> torch.BoolTensor:
        """Return which texts are over. It is called after each token."""
        if self._are_beams or not self._texts:
            self._texts = [self.follow() for _ in input_ids]
            new: list[list[int]] = input_ids[:, self._begin :].tolist()
        else:
            new = input_ids[:, -1:].tolist()
        over = [text.is_over(tokens) for text, tokens in zip(self._texts, new, strict=True)]
        found: Any = torch.tensor(over, dtype=torch.bool, device=input_ids.device)
        return found


def prepare(architectures: Iterable[str]) -> None:
    """Do nothing: transformers needs nothing in advance."""


def load(arguments: LoadArguments) -> HFModel:
    """Load a model; see `evalboard.engine.loading.loader.load_model`."""
    model: Any = load_pretrained(
        arguments.weights, device_map={"": arguments.device}, **_number_format(arguments.precision)
    )
    _generate_as_asked(model)
    # One long request of a batch would give its factors to all others.
    pads = LONG_ROPES.isdisjoint(rope_types(model.config.to_dict()))
    if arguments.adapter:
        model = put_adapter(model, arguments.adapter, arguments.weights, device=arguments.device)
    with _tied_as_loaded(model):
        return HFModel(
            pretrained=model,
            tokenizer=str(arguments.weights),
            batch_size=(arguments.max_num_seqs or HF.batch_size) if pads else 1,
            max_length=arguments.max_length,
            softmax_dtype="float32",  # a sum of bfloat16 numbers near -100 has steps of 0.5
        )


def _generate_as_asked(model: Any) -> None:
    """Forget what the model's files ask of a generation: penalties, beams, sampling, lengths.

    The task alone asks, as with vLLM.
    """
    own = model.generation_config
    tokens = {name: getattr(own, name) for name in TOKENS_OF_TEXTS}
    model.generation_config = GenerationConfig(**tokens)


@contextmanager
def _seeded(seed: int | None) -> Iterator[None]:
    """Let what is sampled in this context depend on a seed, if there is one."""
    if seed is None:
        yield
        return
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


@contextmanager
def _tied_as_loaded(model: Any) -> Iterator[None]:
    """Let nothing tie a model's tensors in this context.

    transformers ties them while it loads, but keeps a head that the checkpoint stores for itself.
    lm_eval's class ties them again by the config alone, which drops that head.
    """
    model.tie_weights = lambda: None
    try:
        yield
    finally:
        del model.tie_weights


def _number_format(precision: str) -> dict[str, Any]:
    """Return the arguments of transformers for a precision."""
    match precision:
        case Precision.INT8:
            return {"quantization_config": BitsAndBytesConfig(load_in_8bit=True)}
        case Precision.INT4:
            return {"quantization_config": BitsAndBytesConfig(load_in_4bit=True)}
        case _:
            return {"dtype": Precision(precision).facts.dtype}


def question_blocks(requests: Sequence[Instance]) -> Iterator[list[int]]:
    """Split requests into blocks of 256 questions. The requests of one question stay together.

    Yields:
        Places of the requests.
    """
    block: list[int] = []
    places = range(len(requests))
    by_question = groupby(places, key=lambda i: (requests[i].task_name, requests[i].doc_id))
    for number, (_, question) in enumerate(by_question, start=1):
        block.extend(question)
        if number % QUESTIONS_PER_BLOCK == 0:
            yield block
            block = []
    if block:
        yield block
