"""A hub on this machine: as much of huggingface.co's HTTP as a download needs."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlparse

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """Repositories as {name: {file: bytes}}; what was asked for is kept in `downloads`."""

    def __init__(self, repositories: dict[str, dict[str, bytes]], gated: set[str]) -> None:
        self.repositories = repositories
        self.gated = gated
        self.downloads: list[str] = []
        self.endpoint = ""

    @contextmanager
    def running(self) -> Iterator[Hub]:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                hub._answer(self, body=True)

            def do_HEAD(self) -> None:
                hub._answer(self, body=False)

            def log_message(self, format: str, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()

    def _answer(self, request: BaseHTTPRequestHandler, body: bool) -> None:
        parts = unquote(urlparse(request.path).path).strip("/").split("/")
        about = parts[:2] == ["api", "models"]
        name = "/".join(parts[2:4] if about else parts[:2])
        files = self.repositories.get(name)
        if files is None:
            self._send(request, 404, b"{}", {"X-Error-Code": "RepoNotFound"}, body)
        elif name in self.gated:
            self._send(request, 403, b"{}", {"X-Error-Code": "GatedRepo"}, body)
        elif about and "tree" in parts:
            tree = [
                {"type": "file", "path": file, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
                for file, content in files.items()
            ]
            self._send(request, 200, json.dumps(tree).encode(), {"Content-Type": "application/json"}, body)
        elif about:
            siblings = [{"rfilename": file, "size": len(content)} for file, content in files.items()]
            info = {
                "id": name,
                "modelId": name,
                "sha": COMMIT,
                "siblings": siblings,
                "tags": [],
                "private": False,
            }
            self._send(request, 200, json.dumps(info).encode(), {"Content-Type": "application/json"}, body)
        else:
            file = "/".join(parts[4:])
            content = files[file]
            if body:
                self.downloads.append(file)
            etag = hashlib.sha1(content).hexdigest()
            self._send(request, 200, content, {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT}, body)

    def _send(
        self,
        request: BaseHTTPRequestHandler,
        status: int,
        content: bytes,
        headers: dict[str, str],
        body: bool,
    ) -> None:
        request.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            request.send_header(name, value)
        request.end_headers()
        if body:
            request.wfile.write(content)
