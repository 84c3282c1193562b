"""The tokenizer and the chat template of a model, in a process of their own with limits.

Both are programs of a stranger: a template is code, and a tokenizer contains regular expressions.
They may behave for the questions of the checks and loop or grow for those of a benchmark. A fork of
the engine's process runs them, more confined than the engine and with little memory, and every call
has a time limit. A tokenizer that takes the place of another has a fork of its own.
"""

import os
import pickle
import signal
import threading
import traceback
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, NoReturn

from evalboard.engine.chat_date import DATE_OPTIONS
from evalboard.engine.inspection.confinement import ResourceLimits, confine
from evalboard.engine.tokenising import keep_texts_open
from evalboard.errors import PromptFailed
from evalboard.services import die_with_parent

RENDER_SECONDS = 20.0
"""Time for one prompt by a chat template. Ordinary templates need a few milliseconds."""
ENCODE_SECONDS = 120.0
"""Time for the tokens of some texts, in addition to that for their length."""
ENCODED_PER_SECOND = 20_000
"""Characters. The slowest tokenizers, written in Python, do several times as many."""
PROMPT_CHARACTERS = 10_000_000
"""Length of a prompt. The largest contexts have a few million."""
LIMITS = ResourceLimits(
    memory_bytes=8 * 2**30,  # address space: threads reserve a part of it that they never use
    cpu_seconds=10 * 86_400,
    file_bytes=0,
    open_files=256,
)


class Prompter:
    """The process that renders templates and encodes texts.

    Start it before the engine's process has a second thread.

    Args:
        model: Name of the model, for messages.
        limits: Limits of the process.
    """

    def __init__(self, model: str, *, limits: ResourceLimits = LIMITS) -> None:
        self._model = model
        self._asking = threading.Lock()
        self._failed: PromptFailed | None = None
        self._is_bound = False
        self._pipe, theirs = Pipe()
        parent = os.getpid()
        self._process = os.fork()
        if self._process == 0:
            _run(theirs, parent, limits)
        theirs.close()

    def bind(self, tokenizer: Any) -> "BoundedTokenizer":
        """Give the process a tokenizer, in place of an earlier one, and return what asks the process.

        Args:
            tokenizer: A tokenizer of transformers.

        Raises:
            PromptFailed: An earlier one did not finish within its limits.
        """
        with self._asking:
            if self._failed:
                raise self._failed
            if self._is_bound:
                self._pipe.send((_END, None, {}))
            self._pipe.send_bytes(pickle.dumps(tokenizer))
            self._is_bound = True
        return BoundedTokenizer(tokenizer, self)

    def serve(self, model: str) -> None:
        """Go on for a model with the same tokenizer, whose name messages have from now on."""
        self._model = model

    def encode(self, texts: str | list[str], options: dict[str, Any]) -> dict[str, Any]:
        """Return what the tokenizer returns for texts, as lists.

        Raises:
            PromptFailed: It did not finish within its limits.
        """
        length = len(texts) if isinstance(texts, str) else sum(map(len, texts))
        seconds = ENCODE_SECONDS + length / ENCODED_PER_SECOND
        return self._ask("tokenizer", seconds, "encode", texts, options)

    def render(self, chat: list[dict[str, str]], options: dict[str, Any]) -> str:
        """Return a conversation as one text.

        Raises:
            PromptFailed: The template did not finish within its limits.
            TemplateError: The template refuses the conversation.
        """
        return self._ask("chat template", RENDER_SECONDS, "render", chat, options)

    def _ask(self, what: str, seconds: float, *request: Any) -> Any:
        with self._asking:
            if self._failed:
                raise self._failed
            try:
                self._pipe.send(request)
                if not self._pipe.poll(seconds):
                    raise self._fail(f"did not finish within {seconds:.0f} s", what)
                value = self._pipe.recv()
            except (EOFError, OSError) as exc:
                raise self._fail(f"ended its process ({_fate(self._process)})", what) from exc
        if isinstance(value, MemoryError):
            raise self._fail(f"needs more than {LIMITS.memory_bytes / 2**30:.0f} GiB", what)
        if isinstance(value, BaseException):
            raise value
        return value

    def _fail(self, problem: str, what: str) -> PromptFailed:
        with suppress(ProcessLookupError):
            os.kill(self._process, signal.SIGKILL)
        self._failed = self._failed or PromptFailed(
            f"The {what} of {self._model!r} {problem} for a question of a benchmark. Correct it, or "
            "submit the model without the chat template."
            if what == "chat template"
            else f"The {what} of {self._model!r} {problem} for questions of a benchmark. Correct it."
        )
        return self._failed


class BoundedTokenizer:
    """A tokenizer whose encoding and whose chat template run in the process of a prompter.

    Everything else, such as decoding and names of tokens, is the tokenizer's own.
    """

    def __init__(self, tokenizer: Any, prompter: Prompter) -> None:
        self.__dict__.update(_own=tokenizer, _prompter=prompter)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_own"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._own, name, value)

    def __len__(self) -> int:
        return len(self._own)

    def __call__(
        self,
        text: str | list[str],
        *,
        padding: bool | str = False,
        return_tensors: str | None = None,
        **options: Any,
    ) -> Any:
        """Encode texts. Padding needs no stranger's code, and happens here."""
        from transformers import BatchEncoding

        sides = {side: getattr(self._own, side) for side in ("padding_side", "truncation_side")}
        encoded = BatchEncoding(self._prompter.encode(text, {**options, "sides": sides}))
        if not padding and not return_tensors:
            return encoded
        return self._own.pad(encoded, padding=padding, return_tensors=return_tensors)

    def encode(self, text: str, **options: Any) -> list[int]:
        """Encode one text."""
        return self(text, **options)["input_ids"]

    def apply_chat_template(self, conversation: list[dict[str, str]], **options: Any) -> str:
        """Return a conversation as one text."""
        return self._prompter.render(conversation, options)


_END = "end"
"""Asks the process of a tokenizer to end."""


def _run(pipe: Connection, parent: int, limits: ResourceLimits) -> NoReturn:
    """Let a fork serve the pipe for each tokenizer, and end as the fork ends if that fails.

    A confined process can take no other tokenizer.
    """
    try:
        die_with_parent(parent, signal.SIGKILL)
        os.closerange(3, pipe.fileno())  # the engine's pipe must end with the engine
        os.closerange(pipe.fileno() + 1, os.sysconf("SC_OPEN_MAX"))
        while True:
            content, own = pipe.recv_bytes(), os.getpid()
            serving = os.fork()
            if serving == 0:
                _serve(pipe, own, content, limits)
            _, status = os.waitpid(serving, 0)
            code = os.waitstatus_to_exitcode(status)
            if code < 0:
                os.kill(own, -code)
            if code:
                os._exit(code)
    except EOFError:
        os._exit(0)
    except BaseException:  # noqa: BLE001 - whatever it is, this process must not go on as an engine
        traceback.print_exc()
        os._exit(1)


def _serve(pipe: Connection, parent: int, content: bytes, limits: ResourceLimits) -> NoReturn:
    """Serve the pipe for one tokenizer, and end the process, at the latest with its parent."""
    try:
        die_with_parent(parent, signal.SIGKILL)
        tokenizer = pickle.loads(content)
        confine(limits)
        if not tokenizer.is_fast:  # what was changed in one of Python is not pickled
            keep_texts_open(tokenizer)
        while True:
            method, what, options = pipe.recv()
            if method == _END:
                os._exit(0)
            pipe.send(_answer(tokenizer, method, what, options))
    except (EOFError, BrokenPipeError):
        os._exit(0)
    except BaseException:  # noqa: BLE001 - whatever it is, this process must not go on as an engine
        traceback.print_exc()
        os._exit(1)


def _answer(tokenizer: Any, method: str, what: Any, options: dict[str, Any]) -> Any:
    try:
        if method == "render":
            rendered = tokenizer.apply_chat_template(what, **DATE_OPTIONS, **options)
            return str(rendered)[:PROMPT_CHARACTERS]
        for side, value in options.pop("sides").items():
            setattr(tokenizer, side, value)
        encoded = tokenizer(what, **options)
        return {name: encoded[name] for name in encoded}
    except MemoryError:
        return MemoryError()
    except BaseException as exc:  # noqa: BLE001 - a stranger's code, and its panics
        with suppress(Exception):
            pickle.dumps(exc)
            return exc
        return RuntimeError(f"{type(exc).__name__}: {exc}")


def _fate(process: int) -> str:
    """Return how a process ended, as far as it is known."""
    with suppress(ChildProcessError):
        _, status = os.waitpid(process, 0)
        return f"exit code {os.waitstatus_to_exitcode(status)}"
    return "no exit code"
