"""The live page's server: what it lets in, and what it says to everything else."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st.monitor.web.guard import ExposedError, Guard, checked_host
from st.monitor.web.server import MAX_CONNECTIONS, LiveServer


class Content:
    """What a test's server shows."""

    html = "<p>first</p>"


@pytest.fixture
def shown() -> Content:
    return Content()


@pytest.fixture
def server(shown: Content) -> Iterator[LiveServer]:
    server = LiveServer(lambda: shown.html, lambda: "st_up 1\n")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.stop()
    thread.join()


def ask(
    server: LiveServer, target: str, method: str = "GET", **headers: str
) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
    connection.request(method, target, headers=headers)
    response = connection.getresponse()
    connection.close()
    return response


def with_token(server: LiveServer, path: str) -> str:
    return f"{path}?{urlsplit(server.address).query}"


def test_page_is_served_to_whoever_has_the_token(server: LiveServer) -> None:
    page = ask(server, with_token(server, "/"))

    assert page.status == 200
    assert b"<p>first</p>" in page.read()


def test_figures_are_served_to_a_bearer_of_the_token(server: LiveServer) -> None:
    came = ask(server, "/metrics", Authorization=f"Bearer {server.guard.token}")

    assert (came.status, came.read()) == (200, b"st_up 1\n")


@pytest.mark.parametrize(
    "target", ["/", "/events", "/metrics", "/nothing", "/?token=", "/?token=x"]
)
def test_nothing_is_told_without_the_token(server: LiveServer, target: str) -> None:
    came = ask(server, target)

    assert (came.status, came.read()) == (401, b"")


@pytest.mark.parametrize("path", ["/nothing", "/../etc/passwd", "/%2e%2e/", "/events/", "/METRICS"])
def test_only_the_routes_there_are_exist(server: LiveServer, path: str) -> None:
    assert ask(server, with_token(server, path)).status == 404


@pytest.mark.parametrize("host", ["example.org", "127.0.0.1", "127.0.0.1:1", "", "localhost.:80"])
def test_foreign_host_is_refused_before_anything_else(server: LiveServer, host: str) -> None:
    assert ask(server, with_token(server, "/"), Host=host).status == 421


def test_request_without_a_host_is_refused(server: LiveServer) -> None:
    with socket.create_connection(server.server_address[:2], timeout=10) as raw:  # type: ignore[arg-type]  # IPv4
        raw.sendall(f"GET {with_token(server, '/')} HTTP/1.0\r\n\r\n".encode())

        assert raw.recv(100).startswith(b"HTTP/1.0 421")


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "X"]
)
def test_everything_but_get_is_refused(server: LiveServer, method: str) -> None:
    assert ask(server, with_token(server, "/"), method).status == 405


@pytest.mark.parametrize("path", ["/", "/metrics", "/nothing"])
def test_every_answer_forbids_what_it_does_not_need(server: LiveServer, path: str) -> None:
    headers = ask(server, with_token(server, path)).headers

    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Access-Control-Allow-Origin"] is None
    assert "Python" not in headers["Server"]


def test_what_changes_is_sent_to_those_who_look(server: LiveServer, shown: Content) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
    connection.request("GET", with_token(server, "/events"))
    stream = connection.getresponse()

    def next_content() -> str:
        for line in stream:
            if line.startswith(b"data: "):
                content: str = json.loads(line.removeprefix(b"data: "))
                return content
        raise EOFError

    assert next_content() == "<p>first</p>"
    shown.html = "<p>line\nbreak</p>"
    assert next_content() == "<p>line\nbreak</p>"
    connection.close()


def test_connections_beyond_the_cap_are_closed(server: LiveServer) -> None:
    held = [
        http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
        for _ in range(MAX_CONNECTIONS)
    ]
    streams = []
    for connection in held:
        connection.request("GET", with_token(server, "/events"))
        # Kept, because what is closed makes room.
        streams.append(connection.getresponse())

    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        ask(server, with_token(server, "/"))
    for stream in streams:
        stream.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.org", ""])
def test_address_that_others_reach_needs_to_be_asked_for(host: str) -> None:
    with pytest.raises(ExposedError):
        checked_host(host, is_exposed=False)


def test_address_of_a_network_is_allowed_on_purpose() -> None:
    assert checked_host("192.168.1.2", is_exposed=True) == "192.168.1.2"


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_every_address_at_once_is_never_allowed(host: str) -> None:
    with pytest.raises(ExposedError, match="name the one"):
        checked_host(host, is_exposed=True)


def test_tokens_are_never_the_same() -> None:
    tokens = {Guard.of("127.0.0.1", 80, ("/",)).token for _ in range(100)}

    assert len(tokens) == 100
    assert min(map(len, tokens)) >= 32


@given(st.text(), st.text(), st.text(), st.text())
def test_no_request_gets_in_by_chance(
    method: str, target: str, host: str, authorization: str
) -> None:
    guard = Guard.of("127.0.0.1", 80, ("/",))

    assert guard.refusal("GET", f"/?token={target}", "127.0.0.1:80", authorization) in (401, 404)
    assert guard.refusal(method, f"/?token={guard.token}", host, "") in (405, 421)
