"""A server that speaks two calls of the Hub: the search for models, and whose a token is."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

MODELS = ["org/Llama-small", "org/llama-large", "other/llama", "no-organisation-llama"]


class SearchingHub(ThreadingHTTPServer):
    """A fake for the public Hub, which tests may not ask."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []
        self.fails = False
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: SearchingHub  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        authorization = self.headers.get("Authorization")
        self.server.asked.append((self.path, authorization))
        url = urlsplit(self.path)
        if self.server.fails:
            # The client asks again five times, in 23 seconds, after a 500; not after this one.
            self._answer(501, {"error": "down"})
        elif url.path == "/api/whoami-v2":
            known = authorization == "Bearer hf_good"
            self._answer(200 if known else 401, {"name": "alice"} if known else {"error": "no"})
        else:
            asked = parse_qs(url.query)
            words, author = asked.get("search", [""])[0], asked.get("author", [""])[0]
            found = [name for name in MODELS if words.lower() in name.lower()]
            found = [name for name in found if name.startswith(f"{author}/" if author else "")]
            self._answer(200, [{"id": name, "_id": name, "modelId": name} for name in found])

    def _answer(self, status: int, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass
