"""Name in the board's answer what its page will need, so that it loads beside Gradio's scripts.

Gradio puts the scripts and styles of an app into the page when its own have run. By then the board,
its modules and its looks could long be here. Browsers that do not know the header load as before.
"""

import re
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_IMPORT = re.compile(r'^(?:import|export)\b[^;]*?"(\.\.?/[^"]+\.js)"', re.MULTILINE)


def modules_of(entry: Path) -> list[Path]:
    """Return a JavaScript module and all that it imports, each once."""
    found = [entry.resolve()]
    for module in found:  # grows meanwhile
        found += [imported for imported in _imports(module) if imported not in found]
    return found


def preload_header(modules: list[str], styles: list[str], document: str) -> str:
    """Return the value of a `Link` header: modules, styles, and a document that a module fetches."""
    return ", ".join(
        [
            f"<{document}>; rel=preload; as=fetch; crossorigin",
            *(f"<{address}>; rel=modulepreload" for address in modules),
            *(f"<{address}>; rel=preload; as=style" for address in styles),
        ]
    )


class Preloading:
    """Adds a `Link` header to the front page."""

    def __init__(self, app: ASGIApp, links: str) -> None:
        self._app = app
        self._links = links

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the app does."""
        if scope["type"] != "http" or scope["path"] != "/":
            await self._app(scope, receive, send)
            return

        async def send_with_links(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:
                MutableHeaders(scope=message).append("Link", self._links)
            await send(message)

        await self._app(scope, receive, send_with_links)


def _imports(module: Path) -> list[Path]:
    text = module.read_text(encoding="utf-8")
    return [(module.parent / name).resolve() for name in _IMPORT.findall(text)]
