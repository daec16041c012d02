"""The hub on loopback: repositories of files, with ranges and with connections that break."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlparse

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """What it has, by "models/owner/name" and path; what was asked of it; and whom it fails."""

    def __init__(self, repositories: dict[str, dict[str, bytes]]) -> None:
        self.repositories = repositories
        self.asked: list[tuple[str, str, str | None]] = []  # method, path, range
        self.headers: list[dict[str, str]] = []
        self.breaks_after: dict[str, int] = {}  # bytes of a file, once
        self.answers: int | None = None  # a status for everything
        self.endpoint = ""

    def info(self, kind: str, name: str) -> dict[str, Any] | None:
        """What the hub's interface says of a repository."""
        files = self.repositories.get(f"{kind}/{name}")
        if files is None:
            return None
        siblings = [
            {
                "rfilename": path,
                "size": len(data),
                **({"lfs": {"sha256": _sha256(data), "size": len(data), "pointerSize": 130}} if _large(path) else {}),
            }
            for path, data in files.items()
        ]
        return {"id": name, "sha": COMMIT, "siblings": siblings, "tags": [], "private": False}


def _large(path: str) -> bool:
    return not path.endswith((".json", ".txt"))


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@contextmanager
def hub(repositories: dict[str, dict[str, bytes]]) -> Iterator[Hub]:
    """Such a hub, listening at its `endpoint` until the block ends."""
    stand_in = Hub(repositories)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def log_message(self, *_: object) -> None:
            pass

        def _answer(self, *, body: bool) -> None:
            path = urlparse(self.path).path
            stand_in.asked.append((self.command, path, self.headers.get("Range")))
            stand_in.headers.append(dict(self.headers))
            if stand_in.answers is not None:
                return self._send(stand_in.answers, b"{}", body=body)
            match path.strip("/").split("/", 3):
                case ["api", kind, owner, name]:
                    info = stand_in.info(kind, f"{owner}/{name}")
                    return self._json(info, body=body)
            parts = path.strip("/").split("/")
            kind = "spaces" if parts[0] == "spaces" else "models"
            owner, name, _resolve, _revision, *rest = parts[1:] if kind == "spaces" else parts
            data = stand_in.repositories.get(f"{kind}/{owner}/{name}", {}).get("/".join(rest))
            if data is None:
                return self._send(404, b"", {"X-Error-Code": "EntryNotFound"}, body=body)
            return self._file("/".join(rest), data, body=body)

        def _json(self, info: dict[str, Any] | None, *, body: bool) -> None:
            if info is None:
                return self._send(404, b"{}", {"X-Error-Code": "RepoNotFound"}, body=body)
            return self._send(200, json.dumps(info).encode(), {"Content-Type": "application/json"}, body=body)

        def _file(self, path: str, data: bytes, *, body: bool) -> None:
            headers = {"ETag": f'"{_sha256(data)}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
            asked = self.headers.get("Range")
            start = int(asked.removeprefix("bytes=").partition("-")[0]) if asked else 0
            if asked:
                headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            broken = stand_in.breaks_after.pop(path, None) if body else None
            self._send(206 if asked else 200, data[start:], headers, body=body, cut=broken)

        def _send(
            self,
            status: int,
            data: bytes,
            headers: dict[str, str] | None = None,
            *,
            body: bool,
            cut: int | None = None,
        ) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if body:
                self.wfile.write(data if cut is None else data[:cut])
            if cut is not None:
                self.close_connection = True
                self.connection.shutdown(2)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    stand_in.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield stand_in
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
