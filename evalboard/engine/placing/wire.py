"""The messages between an engine's process and its holder: JSON, with bytes beside it.

The process reads files of strangers, so nothing that it sends is ever unpickled, and an error
arrives as its code and its text.
"""

import json
import os
import threading
from multiprocessing import reduction
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from pydantic_core import to_jsonable_python

from evalboard.engine.placing.calling import Unforeseen
from evalboard.errors import (
    EngineDied,
    EngineError,
    EvalboardError,
    MachineUnfit,
    OutOfMemory,
    Shortage,
    error_class,
)

HEADER_BYTES = 4
_FATES = {kind.code: kind for kind in (EngineError, EngineDied, MachineUnfit, OutOfMemory)}
"""The classes of unforeseen errors."""


class Message(NamedTuple):
    """One message."""

    fields: dict[str, Any]
    content: bytes = b""


class Wire:
    """One end of the pipe. Several threads can send, one receives."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._sending = threading.Lock()

    def send(
        self, fields: dict[str, Any], content: bytes = b"", *, file: int | None = None
    ) -> None:
        """Send a message.

        Args:
            fields: Its fields.
            content: Bytes beside them.
            file: Descriptor of an open file to pass on. The receiver must call `receive_file` next.

        Raises:
            OSError: The other end is closed.
        """
        header = json.dumps(to_jsonable_python(fields)).encode()
        size = len(header).to_bytes(HEADER_BYTES, "big")
        with self._sending:
            self._pipe.send_bytes(size + header + content)
            if file is not None:
                reduction.send_handle(self._pipe, file, os.getpid())

    def receive(self) -> Message:
        """Wait for the next message.

        Raises:
            EOFError: The other end is closed.
            OSError: The other end closed in the middle of a message.
            ValueError: The other end sent something else than a message.
        """
        received = self._pipe.recv_bytes()
        end = HEADER_BYTES + int.from_bytes(received[:HEADER_BYTES], "big")
        fields = json.loads(received[HEADER_BYTES:end])
        if not isinstance(fields, dict):
            raise ValueError("a message must be a JSON object")
        return Message(fields, received[end:])

    def receive_file(self) -> int:
        """Return a descriptor of the open file that came with the last message."""
        return reduction.recv_handle(self._pipe)

    def fileno(self) -> int:
        """Return the descriptor of this end."""
        return self._pipe.fileno()

    def close(self) -> None:
        """Close this end."""
        with self._sending:
            self._pipe.close()


def error_fields(exc: EvalboardError | Unforeseen) -> dict[str, Any]:
    """Return an error as the fields of a message."""
    if isinstance(exc, Unforeseen):
        return {"unforeseen": exc.what, "code": exc.kind.code}
    more: dict[str, Any] = {"settings": exc.settings} if isinstance(exc, EngineError) else {}
    if isinstance(exc, OutOfMemory):
        more["shortage"] = exc.shortage
    return {"error": exc.message, "code": exc.code, **more}


def error_in(fields: dict[str, Any]) -> EvalboardError | Unforeseen | None:
    """Return the error in a message, None without one."""
    if "unforeseen" in fields:
        return Unforeseen(_FATES.get(fields["code"], EngineError), str(fields["unforeseen"]))
    if "error" not in fields:
        return None
    kind, message = error_class(str(fields["code"])), str(fields["error"])
    settings = dict(fields.get("settings") or {})
    if issubclass(kind, OutOfMemory):
        named = (one for one in Shortage if one == fields.get("shortage"))
        return kind(message, settings=settings, shortage=next(named, Shortage.STEP))
    if issubclass(kind, EngineError):
        return kind(message, settings=settings)
    return kind(message)
