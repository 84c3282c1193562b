"""The backend `hf`: lm_eval's model class for transformers, with answers as a stream."""

import threading
from collections.abc import Iterable, Iterator, Sequence, Set
from itertools import groupby
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from transformers import BitsAndBytesConfig

from evalboard.backends import HF
from evalboard.engine.loading.adapters import put_adapter
from evalboard.engine.loading.loader import LoadArguments
from evalboard.engine.loading.pretrained import load_pretrained
from evalboard.engine.streaming import QUESTIONS_PER_BLOCK, Kind, NumberedAnswers
from evalboard.records.precision import Precision

LmEvalHFLM: Any = HFLM
"""lm_eval's registration hides the type of its class."""


class HFModel(LmEvalHFLM):
    """A model in transformers. Takes the arguments of lm_eval's class."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._turn = threading.Lock()

    def stream(
        self, kind: Kind, requests: Sequence[Instance], wanted: Set[int]
    ) -> Iterator[NumberedAnswers]:
        """Answer requests block by block; see `StreamingModel`.

        Partly known blocks are computed completely, because the requests of a batch stay together.
        """
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
    if arguments.adapter:
        model = put_adapter(model, arguments.adapter, arguments.weights, device=arguments.device)
    return HFModel(
        pretrained=model,
        tokenizer=str(arguments.weights),
        batch_size=arguments.max_num_seqs or HF.batch_size,
        max_length=arguments.max_length,
    )


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
