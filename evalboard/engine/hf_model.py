"""The backend `hf`: lm_eval's model class for transformers, with answers as a stream."""

import threading
from collections.abc import Generator, Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from itertools import groupby
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from transformers import BitsAndBytesConfig, GenerationConfig

from evalboard.backends import HF
from evalboard.engine.lengths import LONG_ROPES, rope_types
from evalboard.engine.loading.adapters import put_adapter
from evalboard.engine.loading.loader import LoadArguments
from evalboard.engine.loading.pretrained import load_pretrained
from evalboard.engine.streaming import QUESTIONS_PER_BLOCK, Kind, NumberedAnswers
from evalboard.engine.tokenising import keep_texts_open, require_prefix, without_prefix
from evalboard.records.precision import Precision

LmEvalHFLM: Any = HFLM
"""lm_eval's registration hides the type of its class."""
TOKENS_OF_TEXTS = ("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id")
"""The generation settings of a model that say where its texts begin and end."""


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
        self, kind: Kind, requests: Sequence[Instance], wanted: Set[int]
    ) -> Generator[NumberedAnswers]:
        """Answer requests block by block; see `StreamingModel`.

        Partly known blocks are computed completely, because the requests of a batch stay together.

        Raises:
            HarnessError: A text must begin without a context, and the tokenizer has no token for it.
        """
        has_contexts = kind == "loglikelihood" and all(r.args[0].strip() for r in requests)
        if kind != "generate_until" and not has_contexts:
            require_prefix(self.prefix_token_id)
        for block in question_blocks(requests):
            if wanted.isdisjoint(block):
                continue
            with self._turn:
                answers = getattr(self, kind)([requests[i] for i in block], disable_tqdm=True)
            yield list(zip(block, answers, strict=True))


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
