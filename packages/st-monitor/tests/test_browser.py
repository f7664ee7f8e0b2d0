"""Headless Chromium on our pages: they render, complain of nothing, and ask nobody else."""

import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import pytest

from st.core import EpochEnd, Registry, RunFinished, RunStarted, Telemetry, TensorOp
from st.core.panels import PANELS, Images, Matrix, Panel, Table
from st.monitor import MonitorPlugin, read_run
from st.monitor.exporters.prometheus import prometheus_text
from st.monitor.views.live import live_content
from st.monitor.web.server import LiveServer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("chromium") is None, reason="Debian package chromium is absent"
    ),
]

HOSTILE = "</script><img src=http://example.org/x onerror=alert(1)>\x1b]0;owned\x07\u202e"


class Browser:
    """Chromium, spoken to through its DevTools pipe."""

    def __init__(self, profile: str) -> None:
        read_ours, write_theirs = os.pipe()
        read_theirs, write_ours = os.pipe()
        self.process = subprocess.Popen(
            [
                *("bash", "-c", f'exec "$@" 3<&{read_theirs} 4>&{write_theirs}', "chromium"),
                *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"),
                *("--no-first-run", "--disable-background-networking", "--disable-sync"),
                *("--disable-component-update", "--remote-debugging-pipe"),
                f"--user-data-dir={profile}",
                "about:blank",
            ],
            pass_fds=(read_theirs, write_theirs),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(read_theirs)
        os.close(write_theirs)
        self._write = os.fdopen(write_ours, "wb", buffering=0)
        self._read = os.fdopen(read_ours, "rb", buffering=0)
        self._rest = b""
        self._n = 0
        self.session: str | None = None
        self.told: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        return self

    def __exit__(self, *_: object) -> None:
        self._write.close()
        self.process.terminate()
        self.process.wait()
        self._read.close()

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._n += 1
        message: dict[str, Any] = {"id": self._n, "method": method, "params": parameters}
        if self.session is not None:
            message["sessionId"] = self.session
        self._write.write(json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._n:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result
            self.told.append(answer)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            more = os.read(self._read.fileno(), 1 << 16)
            assert more, "Chromium has ended"
            self._rest += more
        text, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        return message

    def value(self, expression: str) -> Any:
        answer = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait_for(self, expression: str) -> None:
        end = time.monotonic() + 20
        while not self.value(expression):
            assert time.monotonic() < end, f"never true: {expression}"
            time.sleep(0.05)

    def open(self, address: str) -> None:
        self.told.clear()
        self.call("Page.navigate", url=address)
        self.wait_for("document.readyState === 'complete'")

    def complaints(self) -> list[Any]:
        """Give errors and warnings of the console, and what broke the policy of the page."""
        kinds = ("Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled")
        return [message["params"] for message in self.told if message.get("method") in kinds]

    def requests(self) -> set[str]:
        """Give scheme and authority of everything the page asked for."""
        parts = [
            urlsplit(message["params"]["request"]["url"])
            for message in self.told
            if message.get("method") == "Network.requestWillBeSent"
        ]
        return {f"{part.scheme}://{part.netloc}" for part in parts if part.scheme != "data"}


@pytest.fixture
def browser() -> Iterator[Browser]:
    profiles = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    with profiles as profile, Browser(profile) as browser:
        yield browser


@pytest.fixture
def recorded(run: Path) -> Path:
    """A run with everything a report can show, under names that mean no good."""
    with Registry() as registry:
        registry.config.set("monitor", "mode", "full")
        registry.register(MonitorPlugin)
        registry.bus.publish(RunStarted(HOSTILE, str(run), {HOSTILE: HOSTILE}, {HOSTILE: "1"}, 7))
        start = time.perf_counter_ns()
        for i in range(300):
            at = start + i * 10_000
            fields = (HOSTILE, (), at, at + 9000, HOSTILE, HOSTILE)
            registry.bus.publish(TensorOp(*(fields if i % 3 else ("add", *fields[1:]))))
        for epoch in range(1, 6):
            registry.bus.publish(EpochEnd(epoch, 1 / epoch))
            registry.bus.publish(Telemetry({HOSTILE: float(epoch), "epoch": epoch}))
        with registry.get_service("metrics").span(HOSTILE + "span"):
            registry.get_service("metrics").counter("c", labels={"l": HOSTILE})()
        panels = registry.get_service(PANELS)
        for title, body in (
            ("table", Table((HOSTILE,), ((HOSTILE,),))),
            ("matrix", Matrix((HOSTILE,), (HOSTILE,), ((1.0,),), HOSTILE, HOSTILE)),
            ("images", Images((((0.0, 1.0),),), (HOSTILE,))),
        ):
            panels.add(HOSTILE, Panel(HOSTILE + title, body, HOSTILE))
        registry.bus.publish(RunFinished(HOSTILE, "finished", {"accuracy": 0.98}))
    return run


def test_report_renders_without_complaint_and_asks_nobody(browser: Browser, recorded: Path) -> None:
    browser.open((recorded / "monitor" / "report.html").as_uri())

    headings = browser.value("[...document.querySelectorAll('h2')].map(e => e.textContent)")
    assert {"Curves", "Operators", "Plugins and versions", "Timeline"} <= set(headings)
    assert browser.value("document.querySelectorAll('svg').length") >= 5
    assert browser.value("document.scripts.length") == 0
    assert browser.value("getComputedStyle(document.querySelector('h1')).fontWeight") == "650"
    assert browser.complaints() == []
    assert browser.requests() == {"file://"}


@pytest.fixture
def serve() -> Iterator[Callable[[Path], LiveServer]]:
    served: list[tuple[LiveServer, threading.Thread]] = []

    def start(run: Path) -> LiveServer:
        server = LiveServer(
            lambda: live_content(read_run(run)), lambda: prometheus_text(read_run(run))
        )
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        served.append((server, thread))
        return server

    yield start
    for server, thread in served:
        server.stop()
        thread.join()


def test_live_page_follows_a_run_without_complaint(
    browser: Browser, registry: Registry, run: Path, serve: Callable[[Path], LiveServer]
) -> None:
    registry.bus.publish(RunStarted("followed", str(run), {}, {}, 7))
    server = serve(run)

    browser.open(server.address)
    browser.wait_for("document.querySelector('#link').textContent === 'live'")
    registry.bus.publish(EpochEnd(1, 0.4321))
    browser.wait_for("document.querySelector('main').textContent.includes('0.4321')")
    registry.bus.publish(RunFinished("followed", "finished", {}))
    browser.wait_for("document.querySelector('.status').textContent === 'finished'")

    assert browser.complaints() == []
    assert browser.requests() == {f"http://{urlsplit(server.address).netloc}"}


def test_live_page_runs_nothing_of_what_it_shows(
    browser: Browser, recorded: Path, serve: Callable[[Path], LiveServer]
) -> None:
    server = serve(recorded)

    browser.open(server.address)
    browser.wait_for("document.querySelector('#link').textContent === 'live'")

    assert browser.value("document.querySelector('main').textContent.includes('onerror=alert')")
    assert browser.complaints() == []
    assert browser.requests() == {f"http://{urlsplit(server.address).netloc}"}


def test_policy_of_the_live_page_stops_what_should_get_past_us(
    browser: Browser, recorded: Path, serve: Callable[[Path], LiveServer]
) -> None:
    browser.open(serve(recorded).address)

    browser.value("document.body.insertAdjacentHTML('beforeend', '<img src=//example.org/x>')")
    browser.value(
        "const s = document.createElement('script'); s.textContent = 'window.bad = 1';"
        "document.body.append(s)"
    )

    assert browser.value("window.bad === undefined")
    browser.wait_for("true")
    assert len(browser.complaints()) >= 2
