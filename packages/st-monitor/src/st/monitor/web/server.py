"""The server of the live page: loopback, GET, three routes, few connections, nothing from disk.

=========  ====================================================================================
/          the page
/events    its content whenever it changes, as Server-Sent Events
/metrics   the figures for Prometheus
=========  ====================================================================================
"""

from __future__ import annotations

import json
import math
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import urlsplit

from st.monitor.exporters.prometheus import CONTENT_TYPE
from st.monitor.views.live import LivePage
from st.monitor.web.guard import Guard, checked_host

__all__ = ["LiveServer"]

MAX_CONNECTIONS: Final = 32
# A client that says nothing for so long is let go.
TIMEOUT_S: Final = 10.0
PERIOD_S: Final = 1.0
ROUTES: Final = ("/", "/events", "/metrics")


class LiveServer(ThreadingHTTPServer):
    """Serves one run until :meth:`stop`; `address` is what to open, with the token in it.

    Args:
        content: Gives what is shown as HTML, and
        figures: gives it for Prometheus; both are called by the server's threads.
        host: The address to listen on.
        port: The port, 0 for any that is free.
        is_exposed: Whether the address may be one that other machines reach.

    Raises:
        ExposedError: The address can be reached from elsewhere and that was not said.
        OSError: The port is taken.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(
        self,
        content: Callable[[], str],
        figures: Callable[[], str],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        is_exposed: bool = False,
    ) -> None:
        host = checked_host(host, is_exposed=is_exposed)
        if ":" in host:
            self.address_family = socket.AF_INET6
        super().__init__((host, port), Handler)
        self.figures = figures
        self._content = content
        self._lock = threading.Lock()
        self._shown, self._read_at = "", -math.inf
        self.page = LivePage()
        self.guard = Guard.of(host, self.server_address[1], ROUTES)
        self.stopping = threading.Event()
        self._free = threading.BoundedSemaphore(MAX_CONNECTIONS)

    @property
    def address(self) -> str:
        """What to open in a browser."""
        [name] = [a for a in self.guard.authorities if not a.startswith("localhost")]
        return f"http://{name}/?token={self.guard.token}"

    def fresh(self) -> str:
        """Return what is shown, read anew once a period however many look."""
        with self._lock:
            if time.monotonic() - self._read_at >= PERIOD_S:
                self._shown = self._content()
                self._read_at = time.monotonic()
            return self._shown

    def stop(self) -> None:
        """End `serve_forever` and every open connection; called from another thread."""
        self.stopping.set()
        self.shutdown()
        self.server_close()

    # --- connections, as socketserver calls it --------------------------------------------------

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give the connection a thread, or close it when there are too many."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and make room for the next."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that go away in the middle are no news."""


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    server: LiveServer
    timeout = TIMEOUT_S
    server_version = "st-monitor"
    sys_version = ""

    def parse_request(self) -> bool:
        """Read the head of a request and refuse whatever is not let in, whatever its method."""
        if not super().parse_request():
            return False
        headers = self.headers
        status = self.server.guard.refusal(
            self.command, self.path, headers.get("Host", ""), headers.get("Authorization", "")
        )
        if status:
            self._answer(status, "text/plain; charset=utf-8", b"")
            return False
        return True

    def do_GET(self) -> None:
        """Answer a request that was let in."""
        match urlsplit(self.path).path:
            case "/":
                page = self.server.page
                html = page.html(self.server.fresh()).encode()
                self._answer(200, "text/html; charset=utf-8", html, page.policy)
            case "/metrics":
                self._answer(200, CONTENT_TYPE, self.server.figures().encode())
            case _:
                self._stream()

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing: addresses carry the token."""

    def _answer(
        self, status: int, kind: str, content: bytes, policy: str = "default-src 'none'"
    ) -> None:
        self.close_connection = True
        self._head(status, kind, policy)
        self.send_header("Content-Length", str(len(content)))
        if status == 405:
            self.send_header("Allow", "GET")
        self.end_headers()
        self.wfile.write(content)

    def _head(self, status: int, kind: str, policy: str = "default-src 'none'") -> None:
        self.send_response(status)
        for name, value in (
            ("Content-Type", kind),
            ("Content-Security-Policy", policy),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            ("Cache-Control", "no-store"),
            ("Connection", "close"),
        ):
            self.send_header(name, value)

    def _stream(self) -> None:
        self.close_connection = True
        self._head(200, "text/event-stream; charset=utf-8")
        self.end_headers()
        shown = ""
        while not self.server.stopping.is_set():
            content = self.server.fresh()
            if content != shown:
                shown = content
                self.wfile.write(f"data: {json.dumps(content)}\n\n".encode())
            else:
                # Also how one learns that nobody reads any more.
                self.wfile.write(b": still here\n\n")
            self.wfile.flush()
            self.server.stopping.wait(PERIOD_S)
