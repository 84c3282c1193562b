"""The program of a child engine: it executes calls from a pipe until the pipe ends.

Started by `evalboard.engine.placing.child_engine`. It is told, as pickled tuples:

    ("import", backend, cpu_kv_cache_gib)   import the libraries, before the model is known
    ("make", class, spec)                   make the engine
    ("call", number, method, arguments)     call a method, beside others; a pickled
                                            (number, whether it did not raise, value or error) answers
"""

import os
import pickle
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any

from evalboard.engine.environment import of_device
from evalboard.engine.hardware import available_device
from evalboard.engine.loading.loader import import_backend
from evalboard.engine.placing.calling import CALLS_AT_ONCE, unforeseen
from evalboard.errors import EvalboardError
from evalboard.settings import set_environment


def main() -> None:
    """Serve the pipe whose number is the argument. End at once when its other end is closed."""
    pipe = Connection(int(sys.argv[1]))
    try:
        _serve(pipe)
    except EOFError:
        os._exit(0)


def _serve(pipe: Connection) -> None:
    threads = ThreadPoolExecutor(CALLS_AT_ONCE)
    sending = threading.Lock()
    engine: Any = None

    def answer(number: int, method: str, arguments: tuple[Any, ...]) -> None:
        message = _answer(engine, number, method, arguments)
        with sending:
            pipe.send_bytes(message)

    while True:
        match pipe.recv():
            case ("import", backend, cpu_kv_cache_gib):
                _import(backend, cpu_kv_cache_gib)
            case ("make", made_of, spec):
                engine = made_of(spec)
            case ("call", number, method, arguments):
                threads.submit(answer, number, method, arguments)


def _import(backend: str, cpu_kv_cache_gib: int) -> None:
    set_environment(of_device(available_device(), cpu_kv_cache_gib=cpu_kv_cache_gib))
    with suppress(ImportError):  # loading the model says it
        import_module("evalboard.engine.process")
        import_backend(backend)


def _answer(engine: Any, number: int, method: str, arguments: tuple[Any, ...]) -> bytes:
    try:
        return pickle.dumps((number, True, getattr(engine, method)(*arguments)))
    except EvalboardError as exc:
        return pickle.dumps((number, False, exc))
    except Exception as exc:  # noqa: BLE001 - handed to whoever called
        traceback.print_exc()
        return pickle.dumps((number, False, unforeseen(exc)))


if __name__ == "__main__":
    main()
