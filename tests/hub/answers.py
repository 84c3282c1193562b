"""What the small Hub answers to each call of the protocol."""

import base64
import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, parse_qs, quote, unquote

from tests.hub.faults import Fault
from tests.hub.repository import Entry, HubRepo, Refusal, entry_of

if TYPE_CHECKING:
    from tests.hub.server import SmallHub, Space, Token

Answer = tuple[int, bytes, dict[str, str]]

PAGE = 1000
_PREFIXES = {"models": "", "datasets": "datasets/", "spaces": "spaces/"}
_REPO = r"(?P<kind>models|datasets|spaces)/(?P<repo>[^/]+/[^/]+)"
_FILES = r"(?:(?P<kind>datasets|spaces)/)?(?P<repo>[^/]+/[^/]+)"
ROUTES = [
    ("whoami", "GET", r"/api/whoami-v2"),
    ("create", "POST", r"/api/repos/create"),
    ("delete", "DELETE", r"/api/repos/delete"),
    ("validate-yaml", "POST", r"/api/validate-yaml"),
    ("restart", "POST", r"/api/spaces/(?P<repo>[^/]+/[^/]+)/restart"),
    ("runtime", "GET", r"/api/spaces/(?P<repo>[^/]+/[^/]+)/runtime"),
    ("tree", "GET", rf"/api/{_REPO}/tree/(?P<revision>[^/]+)"),
    ("commits", "GET", rf"/api/{_REPO}/commits/(?P<revision>[^/]+)"),
    ("paths-info", "POST", rf"/api/{_REPO}/paths-info/(?P<revision>[^/]+)"),
    ("preupload", "POST", rf"/api/{_REPO}/preupload/(?P<revision>[^/]+)"),
    ("commit", "POST", rf"/api/{_REPO}/commit/(?P<revision>[^/]+)"),
    ("info", "GET", rf"/api/{_REPO}(?:/revision/(?P<revision>[^/]+))?"),
    ("lfs-batch", "POST", rf"/{_FILES}\.git/info/lfs/objects/batch"),
    ("lfs-get", "GET", r"/lfs/(?P<oid>[0-9a-f]{64})"),
    ("lfs-put", "PUT", r"/lfs/(?P<oid>[0-9a-f]{64})"),
    ("lfs-verify", "POST", r"/lfs/verify"),
    ("resolve", "GET|HEAD", rf"/{_FILES}/resolve/(?P<revision>[^/]+)/(?P<path>.+)"),
]
_COMPILED = [(kind, methods.split("|"), re.compile(route)) for kind, methods, route in ROUTES]


def route(method: str, path: str) -> tuple[str, dict[str, str]]:
    """Return the kind of a call and its parts, unquoted after the path was split."""
    for kind, methods, pattern in _COMPILED:
        if method in methods and (match := pattern.fullmatch(path)):
            return kind, {k: unquote(v) for k, v in match.groupdict().items() if v is not None}
    return "none", {}


class Call:
    """One call: what it asks for, and what it gets."""

    def __init__(
        self,
        hub: "SmallHub",
        url: SplitResult,
        found: Mapping[str, str],
        headers: Any,
        body: bytes,
    ) -> None:
        self.hub = hub
        self.url = url
        self.found = found
        self.headers = headers
        self.body = body

    def answer(self, kind: str, fault: Fault) -> Answer:
        """Return status, body and headers."""
        work: Callable[..., Any] = getattr(self, "_" + kind.replace("-", "_"))
        try:
            found = work(fault) if kind == "info" else work()
        except Refusal as refusal:
            named = refusal.code and self.hub.has_codes
            headers = {"X-Error-Code": refusal.code} if named else {}
            status = self.hub.stale_status if refusal.status == 412 else refusal.status
            return status, json.dumps({"error": refusal.message}).encode(), headers
        return found if isinstance(found, tuple) else (200, json.dumps(found).encode(), {})

    @property
    def _owner(self) -> "Token | None":
        header = self.headers.get("Authorization")
        if not header:
            return None
        owner = self.hub.tokens.get(header.removeprefix("Bearer "))
        if owner is None:
            raise Refusal(401, "Invalid credentials in Authorization header")
        return owner

    def _may_write(self, namespace: str) -> None:
        owner = self._owner
        if owner is None:
            raise Refusal(401, "Log in first")
        if not owner.write or namespace not in (owner.name, *owner.orgs):
            raise Refusal(403, f"You don't have the rights to write to {namespace}")

    def _repo(self, *, write: bool = False) -> HubRepo:
        owner, name = self._owner, self.found["repo"]
        namespace = name.partition("/")[0]
        repo = self.hub.repos.get((self.found.get("kind") or "models", name))
        member = owner is not None and namespace in (owner.name, *owner.orgs)
        if repo is None or (repo.private and not member):
            raise Refusal(404 if owner else 401, "Repository not found", "RepoNotFound")
        if write:
            self._may_write(namespace)
        return repo

    def _json(self) -> Any:
        return json.loads(self.body)

    def _none(self) -> Any:
        raise Refusal(404, f"No route {self.url.path}")

    def _whoami(self) -> Any:
        owner = self._owner
        if owner is None:
            raise Refusal(401, "Log in first")
        orgs = [{"type": "org", "name": name} for name in owner.orgs]
        return {"type": "user", "id": owner.name, "name": owner.name, "orgs": orgs}

    def _create(self) -> Any:
        asked = self._json()
        owner = self._owner
        namespace = asked.get("organization") or (owner.name if owner else "")
        self._may_write(namespace)
        kind, name = f"{asked.get('type') or 'model'}s", f"{namespace}/{asked['name']}"
        url = {"url": f"{self.hub.address}/{_PREFIXES[kind]}{name}"}
        if (kind, name) in self.hub.repos:
            return 409, json.dumps({"error": "exists", **url}).encode(), {}
        self.hub.create(name, kind=kind, private=asked.get("visibility") == "private")
        return url

    def _delete(self) -> Any:
        asked = self._json()
        self._may_write(asked["organization"])
        kind = f"{asked.get('type') or 'model'}s"
        self.hub.repos.pop((kind, f"{asked['organization']}/{asked['name']}"), None)
        return {}

    def _validate_yaml(self) -> Any:
        return {"errors": [], "warnings": []}

    def _space(self) -> "Space":
        if self.found["repo"] not in self.hub.spaces:
            raise Refusal(404, "Repository not found", "RepoNotFound")
        return self.hub.spaces[self.found["repo"]]

    def _restart(self) -> Any:
        space = self._space()
        self._may_write(self.found["repo"].partition("/")[0])
        space.restarts += 1
        return {"stage": "RESTARTING", "hardware": {"current": "cpu-basic"}}

    def _runtime(self) -> Any:
        stages = self._space().stages
        stage = stages.pop(0) if len(stages) > 1 else stages[0]
        return {"stage": stage, "hardware": {"current": "cpu-basic", "requested": "cpu-basic"}}

    def _info(self, fault: Fault) -> Any:
        repo = self._repo()
        commit = repo.resolve(self.found.get("revision") or "main")
        if fault.stale and commit.number:
            commit = repo.history[commit.number - 1]
        document = {
            "id": repo.name,
            "sha": commit.sha,
            "private": repo.private,
            "lastModified": commit.time,
            "tags": [],
            "likes": repo.likes,
        }
        query = parse_qs(self.url.query)
        if "blobs" in query:
            entries = (item for item in repo.listing(commit) if item["type"] == "file")
            document["siblings"] = [_sibling(entry) for entry in entries]
        asked = query.get("expand")
        return {k: v for k, v in document.items() if k in ("id", *asked)} if asked else document

    def _page(self, items: list[Any], size: int) -> Any:
        query = parse_qs(self.url.query)
        start = int(query.pop("cursor", ["0"])[0])
        headers = {}
        if start + size < len(items):
            more = "&".join(f"{k}={quote(v)}" for k, values in query.items() for v in values)
            link = f"{self.hub.address}{self.url.path}?{more}&cursor={start + size}"
            headers["Link"] = f'<{link}>; rel="next"'
        return 200, json.dumps(items[start : start + size]).encode(), headers

    def _tree(self) -> Any:
        repo = self._repo()
        items = repo.listing(repo.resolve(self.found["revision"]))
        if parse_qs(self.url.query).get("recursive", ["false"])[0].lower() != "true":
            items = [item for item in items if "/" not in item["path"]]
        return self._page(items, PAGE)

    def _commits(self) -> Any:
        repo = self._repo()
        newest = repo.resolve(self.found["revision"]).number
        items = [
            {
                "id": commit.sha,
                "title": commit.title,
                "message": commit.description if self.hub.describes else commit.title,
                "date": commit.time,
                "authors": [{"user": "board"}],
            }
            for commit in reversed(repo.history[: newest + 1])
        ]
        return self._page(items, 50)

    def _paths_info(self) -> Any:
        if not self.hub.finds_paths:
            self._none()
        repo = self._repo()
        commit = repo.resolve(self.found["revision"])
        paths = parse_qs(self.body.decode(), keep_blank_values=True).get("paths", [])
        found = ((path, repo.entry(path, commit)) for path in paths)
        return [entry.listed(path) for path, entry in found if entry]

    def _resolve(self) -> Any:
        repo = self._repo()
        commit = repo.resolve(self.found["revision"])
        headers = {"X-Repo-Commit": commit.sha}
        entry = repo.entry(self.found["path"], commit)
        if entry is None:
            headers["X-Error-Code"] = "EntryNotFound"
            return 404, b'{"error": "Entry not found"}', headers
        headers["ETag"] = f'"{entry.blob}"'
        if entry.sha256:
            headers |= {"X-Linked-Etag": f'"{entry.sha256}"'}
            headers |= {"X-Linked-Size": str(len(entry.content))}
        if entry.sha256 and self.hub.redirects:
            self.hub.objects[entry.sha256] = entry.content
            return 302, b"", {**headers, "Location": f"{self.hub.address}/lfs/{entry.sha256}"}
        return self._whole_or_part(entry.content, headers)

    def _whole_or_part(self, content: bytes, headers: dict[str, str]) -> Any:
        wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range") or "")
        if not wanted:
            return 200, content, headers
        return _part(content, wanted[1], wanted[2], headers)

    def _preupload(self) -> Any:
        repo = self._repo(write=True)
        commit = repo.resolve(self.found["revision"])
        files = []
        for asked in self._json()["files"]:
            large = asked["path"].endswith(self.hub.large)
            answer = {
                "path": asked["path"],
                "uploadMode": "lfs" if large else "regular",
                "shouldIgnore": False,
            }
            if entry := repo.entry(asked["path"], commit):
                answer["oid"] = entry.sha256 or entry.blob
            files.append(answer)
        return {"files": files}

    def _commit(self) -> Any:
        repo = self._repo(write=True)
        lines = [json.loads(line) for line in self.body.splitlines()]
        header = lines[0]["value"]
        parent = header.get("parentCommit") if self.hub.compares else None
        changes = dict(self._change(line["key"], line["value"]) for line in lines[1:])
        if "create_pr" in parse_qs(self.url.query):
            return self._pull_request(repo, changes)
        sha = repo.apply(changes, header["summary"], header["description"], parent=parent)
        url = f"{self.hub.address}/{_PREFIXES[repo.kind]}{repo.name}/commit/{sha}"
        return {"success": True, "commitOid": sha, "commitUrl": url, "hookOutput": ""}

    def _pull_request(self, repo: HubRepo, changes: Mapping[str, Entry | None]) -> Any:
        repo.pull_requests.append({path: entry.content for path, entry in changes.items() if entry})
        number = len(repo.pull_requests)
        url = f"{self.hub.address}/{_PREFIXES[repo.kind]}{repo.name}"
        return {
            "success": True,
            "commitOid": repo.head,
            "commitUrl": f"{url}/commit/{repo.head}",
            "hookOutput": "",
            "pullRequestUrl": f"{url}/discussions/{number}",
        }

    def _change(self, key: str, value: dict[str, Any]) -> tuple[str, Entry | None]:
        match key:
            case "file":
                return value["path"], entry_of(base64.b64decode(value["content"]))
            case "lfsFile":
                if value["oid"] not in self.hub.objects:
                    raise Refusal(400, f"Object {value['oid']} was never uploaded")
                return value["path"], entry_of(self.hub.objects[value["oid"]], large=True)
            case "deletedFile":
                return value["path"], None
            case _:
                raise Refusal(400, f"Operation {key} is not known")

    def _lfs_batch(self) -> Any:
        objects = []
        for asked in self._json()["objects"]:
            answer: dict[str, Any] = {"oid": asked["oid"], "size": asked["size"]}
            if asked["oid"] not in self.hub.objects:
                answer["actions"] = {
                    "upload": {"href": f"{self.hub.address}/lfs/{asked['oid']}"},
                    "verify": {"href": f"{self.hub.address}/lfs/verify"},
                }
            objects.append(answer)
        return {"transfer": "basic", "objects": objects}

    def _lfs_get(self) -> Any:
        if self.found["oid"] not in self.hub.objects:
            raise Refusal(404, "Never uploaded")
        return self._whole_or_part(self.hub.objects[self.found["oid"]], {})

    def _lfs_put(self) -> Any:
        entry = entry_of(self.body, large=True)
        if entry.sha256 != self.found["oid"]:
            raise Refusal(400, "The content is not what was announced")
        self.hub.objects[self.found["oid"]] = self.body
        return {}

    def _lfs_verify(self) -> Any:
        if self._json()["oid"] not in self.hub.objects:
            raise Refusal(404, "Never uploaded")
        return {}


def _sibling(entry: dict[str, Any]) -> dict[str, Any]:
    found = {"rfilename": entry["path"], "size": entry["size"], "blobId": entry["oid"]}
    if lfs := entry.get("lfs"):
        found["lfs"] = {"sha256": lfs["oid"], "size": lfs["size"], "pointerSize": 130}
    return found


def _part(
    content: bytes, first: str, last: str, headers: dict[str, str]
) -> tuple[int, bytes, dict[str, str]]:
    size = len(content)
    start = int(first) if first else size - int(last)
    end = min(int(last), size - 1) if first and last else size - 1
    if start >= size:
        return 416, b"", {**headers, "Content-Range": f"bytes */{size}"}
    headers["Content-Range"] = f"bytes {start}-{end}/{size}"
    return 206, content[start : end + 1], headers
