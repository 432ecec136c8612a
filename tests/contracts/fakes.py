"""A small provider in a thread of its own, processes for the verifier, and pacts made by hand."""

from __future__ import annotations

import asyncio
import http.server
import json
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from harness.contracts.verifier_process import ORDERS, REPORTS, run
from harness.model.process import ProcessSpec
from tests.fakes import LocalProcess, run_locally

Answer = tuple[int, dict[str, str], str]
Respond = Callable[[str, str, str], Answer]
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "QUERY")
PROBLEM = {"content-type": "application/problem+json"}
JSON = {"content-type": "application/json"}


@dataclass
class LocalSpawner:
    """Starts plain children; remembers them, so that a test can see that none is left."""

    started: list[LocalProcess] = field(default_factory=list)

    async def spawn(self, spec: ProcessSpec) -> LocalProcess:
        self.started.append(await run_locally(spec))
        return self.started[-1]


class DoneProcess:
    """What was to be a process, and was done in a thread of the test instead."""

    pid = 0
    returncode = 0

    async def wait(self) -> int:
        return 0

    async def signal(self, number: int) -> None:
        pass

    async def stop(self, grace_s: float = 5.0) -> int:
        del grace_s
        return 0


class ThreadSpawner:
    """Verifies in a thread, since a process of its own for each case costs a second on a busy machine."""

    async def spawn(self, spec: ProcessSpec) -> DoneProcess:
        await asyncio.to_thread(_verify_here, Path(spec.command[-1]))
        return DoneProcess()


def _verify_here(request: Path) -> None:
    order = ORDERS.validate_json(request.read_bytes())
    order.report.write_bytes(REPORTS.dump_json(run(order)))


class Provider:
    """An HTTP server on loopback whose answers a test decides; it remembers what it was asked."""

    def __init__(self, respond: Respond, tls: ssl.SSLContext | None = None) -> None:
        provider = self
        self.asked: list[tuple[str, str, str]] = []
        self.sent: list[dict[str, str]] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode("utf-8", "replace")
                provider.asked.append((self.command, self.path, body))
                provider.sent.append({name.lower(): value for name, value in self.headers.items()})
                status, headers, text = respond(self.command, self.path, body)
                payload = text.encode()
                lines = [f"HTTP/1.1 {status} X", f"content-length: {len(payload)}"]
                lines += [f"{name}: {value}" for name, value in headers.items()]
                head = "\r\n".join([*lines, "", ""]).encode()
                self.wfile.write(head if self.command == "HEAD" else head + payload)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the standard library's name
                pass

        for method in METHODS:
            setattr(Handler, f"do_{method}", Handler.answer_any)
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def a_request(description: str, **changes: object) -> dict[str, object]:
    return {
        "description": description,
        "type": "Synchronous/HTTP",
        "request": {"method": "GET", "path": "/products/sku-0001"},
        "response": {
            "status": 200,
            "headers": {"Content-Type": ["application/json"]},
            "body": {"content": {"sku": "sku-0001", "name": "n"}, "contentType": "application/json", "encoded": False},
            "matchingRules": {"body": {"$.name": {"combine": "AND", "matchers": [{"match": "type"}]}}},
        },
    } | changes


def a_message(description: str, **changes: object) -> dict[str, object]:
    return {
        "description": description,
        "type": "Asynchronous/Messages",
        "contents": {"content": {"order_id": "1"}, "contentType": "application/json", "encoded": False},
        "metadata": {"contentType": "application/json"},
    } | changes


def given(name: str, **params: object) -> dict[str, object]:
    return {"name": name, "params": params} if params else {"name": name}


def a_pact(*interactions: dict[str, object], consumer: str = "gateway", provider: str = "catalog") -> dict[str, object]:
    return {
        "consumer": {"name": consumer},
        "provider": {"name": provider},
        "interactions": list(interactions),
        "metadata": {"pactSpecification": {"version": "4.0"}},
    }


def write_pact(directory: Path, pact: dict[str, object], name: str = "gateway-catalog.json") -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / name
    file.write_text(json.dumps(pact, indent=2))
    return file
