"""A folder that looks like a model, and a small server that speaks the Hub's protocol."""

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from huggingface_hub import close_session, constants

from evalboard.settings import Settings

FILES = {
    "config.json": b'{"model_type": "llama"}',
    "tokenizer.json": b"{}",
    "README.md": b"# A model\n",
    "model.safetensors": b"\x02\0\0\0\0\0\0\0{}" + bytes(300_000),
    "pytorch_model.bin": b"pickle",
    "modeling_own.py": b"raise SystemExit('this must never run')\n",
    "original/consolidated.safetensors": b"another copy",
}
SHA = "0123456789abcdef0123456789abcdef01234567"


def write_files(folder: Path, files: dict[str, bytes]) -> Path:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


class SmallHub(ThreadingHTTPServer):
    """Serves one model, `org/model`, at one commit, on the branch `main` and the tag `v1`.

    `org/old` is its former name. `info` is what is said of it beside or instead of the truth, and
    `padding` so many bytes are sent with each file beyond those that are listed. While `may_send` is
    not set, a GET of a file has no answer.

    A fake for the public Hub, which tests may not ask. `requests` lists method and path of what
    was asked, and `bytes_sent` counts the answers' bytes.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[str] = []
        self.bytes_sent = 0
        self.broken = False
        self.gated = False
        self.info: dict[str, Any] = {}
        self.padding = 0
        self.may_send = threading.Event()
        self.may_send.set()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def hub(self) -> SmallHub:
        assert isinstance(self.server, SmallHub)
        return self.server

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""

    def do_HEAD(self) -> None:
        self._answer_request()

    def do_GET(self) -> None:
        self._answer_request()

    def _answer_request(self) -> None:
        path = urlsplit(self.path).path
        self.hub.requests.append(f"{self.command} {path}")
        parts = [unquote(part) for part in path.strip("/").split("/")]
        if self.hub.broken:
            self._send(500, b"{}")
        elif parts[:2] == ["api", "models"] and parts[2:4] in (["org", "model"], ["org", "old"]):
            self._answer_api(parts[4:])
        elif parts[:4] == ["org", "model", "resolve", SHA]:
            self._send_file("/".join(parts[4:]))
        else:
            self._refuse(404, "RepoNotFound")

    def _answer_api(self, rest: list[str]) -> None:
        if not rest:
            self._send_json({"id": "org/model", **self.hub.info})
        elif len(rest) < 2 or rest[1] not in ("main", "v1", SHA):
            self._refuse(404, "RevisionNotFound")
        elif rest[0] == "revision":
            siblings = [{"rfilename": p, "size": len(c), "blobId": "b"} for p, c in FILES.items()]
            siblings.append({"rfilename": "../escape.json", "size": 2, "blobId": "b"})
            told = {"id": "org/model", "sha": SHA, "siblings": siblings, **self.hub.info}
            self._send_json(told)
        else:
            entries = [
                {"type": "file", "path": p, "size": len(c), "oid": _oid(c)}
                for p, c in FILES.items()
            ]
            self._send_json(entries)

    def _send_file(self, path: str) -> None:
        if self.hub.gated:
            self._refuse(403, "GatedRepo")
        elif path not in FILES:
            self._refuse(404, "EntryNotFound")
        else:
            if self.command == "GET":
                self.hub.may_send.wait()
            self._send_range(FILES[path])

    def _send_range(self, content: bytes) -> None:
        headers = {"X-Repo-Commit": SHA, "ETag": f'"{_oid(content)}"'}
        wanted = self.headers.get("Range")
        if wanted is None:
            self._send(200, content + bytes(self.hub.padding), headers)
            return
        start, end = wanted.removeprefix("bytes=").split("-")
        part = content[int(start) : int(end) + 1]
        headers["Content-Range"] = f"bytes {start}-{int(start) + len(part) - 1}/{len(content)}"
        self._send(206, part, headers)

    def _send_json(self, document: Any) -> None:
        self._send(200, json.dumps(document).encode(), {"Content-Type": "application/json"})

    def _refuse(self, status: int, code: str) -> None:
        self._send(status, b"{}", {"X-Error-Code": code})

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
            self.hub.bytes_sent += len(body)


def _oid(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallHub]:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    with SmallHub() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        close_session()
        server.shutdown()
        thread.join()


@pytest.fixture
def hub_settings(hub: SmallHub, tmp_path: Path) -> Settings:
    return Settings.model_validate({"home": tmp_path / "home", "hub_endpoint": hub.address})


@pytest.fixture
def model_folder(tmp_path: Path) -> Path:
    return write_files(tmp_path / "models" / "org" / "model", FILES)


@pytest.fixture
def local_settings(model_folder: Path, tmp_path: Path) -> Settings:
    return Settings.model_validate(
        {"home": tmp_path / "home", "models": model_folder.parent.parent, "offline": True}
    )
