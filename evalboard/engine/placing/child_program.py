"""The program of an engine's process: it executes calls from a pipe until the pipe ends.

Started by `evalboard.engine.placing.child_engine`, or forked by `fork_program`. A module makes its engine, with three functions:

    import_libraries(backend, cpu_kv_cache_gib)   import everything that the engine needs
    prepare(spec)                                 do what needs more than a confined process may
    make(spec, keeper, questions)                 return the engine, confined

An engine has the method `following(spec, keeper, questions, is_same_model)`, which returns the engine of
the next model, or of the same one with another suite.

The messages to it (`wire`), by `do`:

    import   made_of, of                          import the libraries, before the model is known
    make     made_of, spec, questions, readable, writable, environment, own
                                                  lock its own view, confine this process, then make
                                                  the engine
    follow   spec, questions, is_same_model, and a file
                                                  make the engine that of the next model, or of its
                                                  own model's next suite; the file is its log
    call     number, method, arguments            call a method, beside others
    rest                                          say `resting` as the last word to this holder
    reply    number, value or error               the answer to a question of this process

Its own, by `say`: `answer` with the number of a call, and `ask` with a method of the keeper.
"""

import itertools
import os
import signal
import sys
import threading
import traceback
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from evalboard.engine.inspection.confinement import leave_network
from evalboard.engine.keeping import LoadableFiles
from evalboard.engine.placing.calling import CALLS_AT_ONCE, Unforeseen, unforeseen
from evalboard.engine.placing.profile import confine_engine
from evalboard.engine.placing.views import hold
from evalboard.engine.placing.wire import Message, Wire, error_fields, error_in
from evalboard.engine.spec import EngineSpec
from evalboard.engine.streaming import Answer, read_answer
from evalboard.errors import EvalboardError
from evalboard.process_environment import set_environment

MAX_UNANSWERED = 64
"""Number of parts of answers that are sent before the first of them is known to be kept."""


def main() -> None:
    """Serve the pipe whose number is the argument."""
    serve(int(sys.argv[1]), is_confined=sys.argv[2:] == ["confined"])


def serve(pipe: int, *, is_confined: bool) -> None:
    """Serve a pipe. End this process, which leads a group, when the other end is closed.

    All processes of its group end with it: a worker that waits for another GPU does not notice.

    Args:
        pipe: Descriptor of the pipe.
        is_confined: Whether this process leaves the network, and is confined when its model is known.
    """
    # Before the libraries start a thread, which would stay in the network.
    has_left_network = leave_network() if is_confined else None
    wire = Wire(Connection(pipe))
    with suppress(EOFError, OSError):
        _Program(wire, has_left_network).serve()
    os.killpg(os.getpid(), signal.SIGKILL)  # it leads a session, so the group is its own


class _Program:
    """The calls of this process.

    Args:
        wire: The pipe.
        has_left_network: Whether it has a network namespace of its own, None if it is not confined.
    """

    def __init__(self, wire: Wire, has_left_network: bool | None) -> None:
        self._wire = wire
        self._has_left_network = has_left_network
        self._keeper = _AskedKeeper(wire)
        self._threads = ThreadPoolExecutor(CALLS_AT_ONCE)
        self._engine: Any = None
        self._problem: EvalboardError | Unforeseen | None = None

    def serve(self) -> None:
        while True:
            message = self._wire.receive()
            match message.fields["do"]:
                case "import":
                    with suppress(ImportError):  # making the engine says it
                        made_of = import_module(message.fields["made_of"])
                        made_of.import_libraries(*message.fields["of"])
                case "make":
                    self._make(message.fields)
                case "follow":
                    self._follow(message.fields)
                case "rest":
                    self._wire.send({"say": "resting"})
                case "call":
                    self._threads.submit(self._answer, message.fields)
                case _:
                    self._keeper.take(message)

    def _make(self, fields: dict[str, Any]) -> None:
        try:
            spec = EngineSpec.model_validate(fields["spec"])
            made_of = import_module(fields["made_of"])
            made_of.prepare(spec)
            set_environment(fields["environment"])
            if fields["own"]:
                hold(Path(fields["own"]))  # until this process ends
            if self._has_left_network is not None:
                readable, writable = (map(Path, fields[key]) for key in ("readable", "writable"))
                layers = confine_engine(readable, writable, has_left_network=self._has_left_network)
                print(f"This engine is {layers}.", flush=True)  # noqa: T201 - goes to its log
            self._engine = made_of.make(spec, self._keeper, Path(fields["questions"]))
        except EvalboardError as exc:
            self._problem = exc
        except Exception as exc:  # noqa: BLE001 - handed to whoever calls
            traceback.print_exc()
            self._problem = unforeseen(exc)

    def _follow(self, fields: dict[str, Any]) -> None:
        log = self._wire.receive_file()
        for number in (1, 2):
            os.dup2(log, number)
        os.close(log)
        spec = EngineSpec.model_validate(fields["spec"])
        self._engine = self._engine.following(
            spec, self._keeper, Path(fields["questions"]), is_same_model=fields["is_same_model"]
        )

    def _answer(self, call: dict[str, Any]) -> None:
        answer: dict[str, Any] = {"say": "answer", "number": call["number"]}
        content = b""
        try:
            if self._problem:
                raise self._problem
            value = getattr(self._engine, call["method"])(*call["arguments"])
            match value:
                case (outcome, bytes() as content):
                    value = outcome
            self._wire.send(answer | {"value": value}, content)
            return
        except (EvalboardError, Unforeseen) as exc:
            problem = exc
        except BaseException as exc:  # noqa: BLE001 - a panic of native code is not an Exception
            traceback.print_exc()
            problem = unforeseen(exc)
        with suppress(OSError):  # its holder is gone, and this process ends
            self._wire.send(answer | error_fields(problem))


class _AskedKeeper:
    """The keeper, asked through the pipe; see `evalboard.engine.keeping`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._waiting: dict[int, Future[Message]] = {}

    def small_files(self) -> Path:
        return Path(self.ask("small_files"))

    def loadable_files(self) -> LoadableFiles:
        weights, adapter = self.ask("loadable_files")
        return LoadableFiles(Path(weights), Path(adapter) if adapter else None)

    def open_answers(self, benchmark: str, key: str) -> "_AskedAnswers":
        return _AskedAnswers(self, benchmark, key)

    def note_progress(self, benchmark: str, done: int, total: int) -> None:
        self.send("note_progress", benchmark, done, total)

    def ask(self, method: str, *arguments: Any) -> Any:
        return value_of(self.send(method, *arguments))

    def send(self, method: str, *arguments: Any) -> "Future[Message]":
        """Ask without waiting for the reply."""
        reply: Future[Message] = Future()
        with self._lock:
            number = next(self._numbers)
            self._waiting[number] = reply
        self._wire.send({"say": "ask", "number": number, "method": method, "arguments": arguments})
        return reply

    def take(self, reply: Message) -> None:
        with self._lock:
            waiting = self._waiting.pop(reply.fields["number"])
        waiting.set_result(reply)


def value_of(reply: "Future[Message]") -> Any:
    """Wait for the holder's reply and return its value, or raise its error."""
    fields = reply.result().fields
    if error := error_in(fields):
        raise error
    return fields["value"]


class _AskedAnswers:
    """The answers of one benchmark, kept by the holder."""

    def __init__(self, keeper: _AskedKeeper, benchmark: str, key: str) -> None:
        self._keeper = keeper
        self._place = (benchmark, key)
        self._sent: deque[Future[Message]] = deque()
        known: list[tuple[str, Any]] = keeper.ask("open_answers", *self._place)
        self._known: dict[str, Answer] = {name: read_answer(value) for name, value in known}

    def get(self, key: str) -> Answer | None:
        return self._known.get(key)

    def add(self, answers: Iterable[tuple[str, Answer]]) -> None:
        """Send answers. The holder has them whatever becomes of this process.

        The model does not wait for the disk: an error of an earlier call is raised.
        """
        new = list(answers)
        self._sent.append(self._keeper.send("add_answers", *self._place, new))
        self._known.update(new)
        while self._sent and (self._sent[0].done() or len(self._sent) > MAX_UNANSWERED):
            value_of(self._sent.popleft())


if __name__ == "__main__":
    main()
