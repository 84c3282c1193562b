"""lm_eval's Hugging Face model class, with its answers in parts that can be kept."""

import threading
from collections.abc import Iterator, Sequence, Set
from itertools import groupby
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM

from evalboard.engine.answers import BLOCK_SIZE, Kind, NumberedAnswers

LmEvalHFLM: Any = HFLM
"""lm_eval's registration hides the type of its class."""


class BlockwiseHFLM(LmEvalHFLM):
    """A model in transformers. Takes the arguments of lm_eval's class."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._turn = threading.Lock()

    def stream(
        self, kind: Kind, requests: Sequence[Instance], wanted: Set[int]
    ) -> Iterator[NumberedAnswers]:
        """Answer requests block by block; see `AnsweringBackend`.

        Blocks that are known in part are computed whole: what shares a batch stays together.
        """
        for block in question_blocks(requests):
            if wanted.isdisjoint(block):
                continue
            with self._turn:
                answers = getattr(self, kind)([requests[i] for i in block], disable_tqdm=True)
            yield list(zip(block, answers, strict=True))


def question_blocks(requests: Sequence[Instance]) -> Iterator[list[int]]:
    """Cut requests into blocks of 256 questions; the requests of one question stay together.

    Yields:
        Places of the requests.
    """
    block: list[int] = []
    places = range(len(requests))
    by_question = groupby(places, key=lambda i: (requests[i].task_name, requests[i].doc_id))
    for number, (_, question) in enumerate(by_question, start=1):
        block.extend(question)
        if number % BLOCK_SIZE == 0:
            yield block
            block = []
    if block:
        yield block
