"""Ways in which a disk, a power cut or another version damages a file."""

import json
from collections.abc import Callable


def _later_version(content: bytes) -> bytes:
    try:
        document = json.loads(content)
    except ValueError:
        document = {}
    return json.dumps({**(document if isinstance(document, dict) else {}), "version": 2}).encode()


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "torn end": lambda content: content[: -max(1, len(content) // 4)],
    "last byte missing": lambda content: content[:-1],
    "torn middle": lambda content: content[: len(content) // 3] + content[2 * len(content) // 3 :],
    "torn start": lambda content: content[len(content) // 2 :],
    "a block of zeros": lambda content: content[:9] + bytes(len(content) - 18) + content[-9:],
    "all zeros": lambda content: bytes(len(content)),
    "bad UTF-8": lambda content: content[:3] + b"\xff\xfe" + content[5:],
    "twice": lambda content: content * 2,
    "another file": lambda content: b"PAR1\x15\x04\x15",
    "a list": lambda content: b"[]",
    "a number": lambda content: b"1",
    "null": lambda content: b"null",
    "an empty object": lambda content: b"{}",
    "too deep": lambda content: b"[" * 200_000,
    "a later version": _later_version,
    "no version": lambda content: b'{"version": true}',
}
