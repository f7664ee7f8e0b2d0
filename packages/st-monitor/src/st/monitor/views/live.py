"""The live page: the sections of the report, put in place again whenever the record grows."""

from __future__ import annotations

import base64
import hashlib
from functools import cached_property

from st.monitor.store.recorded import RecordedRun
from st.monitor.views.head import head, style_policy
from st.monitor.views.html import Markup, element
from st.monitor.views.report import sections

__all__ = ["LivePage", "live_content"]

# The only script. What arrives is HTML that the server escaped, and the policy lets no script
# run that could be in it all the same.
SCRIPT = """
const main = document.querySelector("main");
const source = new EventSource("/events" + location.search);
const state = (text) => { document.querySelector("#link").textContent = text; };
source.onmessage = (event) => {
  const open = [...main.querySelectorAll("details")].map((each) => each.open);
  main.innerHTML = JSON.parse(event.data);
  main.querySelectorAll("details").forEach((each, i) => { each.open = open[i]; });
  state("live");
};
source.onerror = () => state("the server has gone; what you see is the last it sent");
"""


class LivePage:
    """The page and the policy it is sent with."""

    @cached_property
    def policy(self) -> str:
        """What the page may do: our style, our script, our events, pictures in the page."""
        script = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
        return (
            f"default-src 'none'; script-src 'sha256-{script}'; {style_policy()}; "
            "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'"
        )

    def html(self, content: str) -> str:
        """Return the page with what :func:`live_content` gave."""
        body = element(
            "body",
            element("p", "connecting", id="link", class_="link"),
            element("main", Markup(content)),
            Markup(f"<script>{SCRIPT}</script>"),
        )
        page = element("html", head("live: st-monitor"), body, lang="en")
        return f"<!doctype html>\n{page}\n"


def live_content(run: RecordedRun) -> str:
    """Return what the page shows of a run as it is now."""
    return "".join(sections(run))
