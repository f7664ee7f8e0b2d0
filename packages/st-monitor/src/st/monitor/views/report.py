"""The report of a run: one HTML file that needs nothing but itself.

There is no script in it and no address outside it, and its Content-Security-Policy forbids
both: styles by their hash, images only from the page's own data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from st.monitor.history import Failure, History, history
from st.monitor.plain import Json, as_number
from st.monitor.store.files import RunFiles, write_text
from st.monitor.store.recorded import RecordedRun, read_run
from st.monitor.views.curves import curves_section
from st.monitor.views.facts import configuration_section, figures_section, plugins_section, rows
from st.monitor.views.figures import count, duration, label, number, when
from st.monitor.views.head import head, style_policy
from st.monitor.views.html import Markup, element
from st.monitor.views.operators import operators_section
from st.monitor.views.panel import panel_section
from st.monitor.views.timeline import clock, outline, timeline

__all__ = ["report", "sections", "write_report"]

MAX_EVENTS = 1000


def report(run: RecordedRun) -> str:
    """Return the report of a recorded run as a complete HTML document."""
    told = history(run)
    policy = (
        f"default-src 'none'; {style_policy()}; img-src data:; base-uri 'none'; form-action 'none'"
    )
    body = element("body", element("main", *sections(run)))
    page = element("html", head(f"{told.run_id}: report of a run", policy), body, lang="en")
    return f"<!doctype html>\n{page}\n"


def write_report(run: Path, output: Path | None = None) -> Path:
    """Write the report of a run from what is in its directory, and return where it is.

    Args:
        run: The run directory.
        output: Where the report goes, by default `<run>/monitor/report.html`.

    Raises:
        NoRecordError: There is no record of a run in the directory.
        OSError: The report cannot be written; one that was there before still is.
    """
    path = output if output is not None else RunFiles(run).report
    write_text(path, report(read_run(run)))
    return path


def sections(run: RecordedRun) -> Iterator[Markup]:
    """Give the sections of a report from top to bottom."""
    told = history(run)
    failures = [*told.failures, *_plugin_failures(run), *_lost(run)]
    yield _masthead(told)
    yield _headline(told)
    if failures:
        yield _failures(failures)
    yield curves_section(told, run.summary)
    if run.panels:
        yield element("div", *map(panel_section, run.panels), class_="panels")
    yield operators_section(run)
    yield figures_section(run.summary)
    yield plugins_section(run, told)
    yield configuration_section(told)
    yield _events(run, told)
    yield _colophon(run)


def _masthead(told: History) -> Markup:
    facts = [when(told.started)] if told.started else []
    facts.append(f"seed {told.seed}" if told.seed is not None else "no seed recorded")
    return element(
        "header",
        element("p", "Report of a run", class_="kicker"),
        element(
            "h1",
            told.run_id,
            element("span", told.status, class_=f"status {_known(told.status)}"),
        ),
        element("p", " · ".join(facts), class_="facts"),
    )


def _known(status: str) -> str:
    return status if status in ("finished", "interrupted", "failed") else "unfinished"


def _headline(told: History) -> Markup:
    figures = sorted(_outcome(told.outcome), key=lambda figure: _importance(figure[0]))
    if told.loss.points and not any("loss" in name for name, *_ in figures):
        figures.append(("last training loss", number(told.loss.points[-1].mean), ""))
    if told.epochs:
        figures.append(("epochs", count(len(told.epochs)), ""))
    figures.append(("from start to end", duration(told.duration_s), ""))
    if told.backend:
        figures.append(("backend", told.backend, told.backend_reason))
    return element(
        "dl",
        *(
            element(
                "div",
                element("dt", name),
                element("dd", value),
                element("dd", detail, class_="detail") if detail else None,
            )
            for name, value, detail in figures
        ),
        class_="headline",
    )


def _outcome(outcome: Mapping[str, Json]) -> Iterator[tuple[str, str, str]]:
    """Yield name, value and detail of the numbers a run ended with.

    Left out is what the headline says by itself: epochs and time.
    """
    correct, total = outcome.get("correct"), outcome.get("total")
    for name, value in outcome.items():
        figure = as_number(value)
        if figure is None or name in ("correct", "total", "epoch", "epochs", "seconds"):
            continue
        is_share = name.endswith("accuracy") and isinstance(correct, int) and isinstance(total, int)
        yield label(name), number(figure), f"{correct} of {total}" if is_share else ""


def _importance(name: str) -> int:
    return 0 if name.endswith("accuracy") else 1 if name.endswith("loss") else 2


def _failures(failures: Sequence[Failure]) -> Markup:
    items = (
        element(
            "li",
            element("strong", failure.what),
            element("span", failure.why),
            element("time", clock(failure.elapsed_s)) if failure.elapsed_s is not None else None,
        )
        for failure in failures
    )
    return element("section", element("h2", "What went wrong"), element("ul", *items), class_="bad")


def _plugin_failures(run: RecordedRun) -> Iterator[Failure]:
    """Yield the plugins that were failed at the end and of which no event told."""
    told = {entry.fields.get("plugin_id") for entry in run.entries if entry.event == "PluginFailed"}
    for plugin in rows(run.summary.get("plugins")):
        if plugin.get("state") == "failed" and plugin.get("id") not in told:
            yield Failure(f"plugin {plugin.get('id')} failed", str(plugin.get("reason") or ""))


def _lost(run: RecordedRun) -> Iterator[Failure]:
    journal = run.summary.get("journal")
    if isinstance(journal, dict):
        if journal.get("n_lost"):
            yield Failure("record", f"{journal['n_lost']} events could not be written")
        faults = journal.get("faults")
        for fault in faults if isinstance(faults, list) else []:
            yield Failure("record", str(fault))


def _events(run: RecordedRun, told: History) -> Markup:
    entries = run.entries
    if not entries:
        return Markup("")
    half = MAX_EVENTS // 2
    shown = entries if len(entries) <= MAX_EVENTS else (*entries[:half], *entries[-half:])
    left_out = len(entries) - len(shown)
    lines = (
        element(
            "tr",
            element("td", entry.seq, class_="n"),
            element("td", clock(entry.elapsed_s), class_="n"),
            element("td", entry.event),
            element("td", outline(entry.fields), class_="fields"),
        )
        for entry in shown
    )
    gap = f", {count(left_out)} in the middle left out" if left_out else ""
    return element(
        "section",
        element("h2", "Timeline"),
        timeline(entries, told),
        element(
            "details",
            element("summary", f"All {count(len(entries))} events{gap}"),
            element("div", element("table", *lines, class_="events"), class_="scroll"),
        ),
    )


def _colophon(run: RecordedRun) -> Markup:
    journal = run.summary.get("journal")
    account = f"{count(len(run.entries))} events read from {run.directory.name}/monitor"
    if isinstance(journal, dict):
        account = (
            f"{journal.get('n_published')} events published = "
            f"{journal.get('n_recorded')} recorded + {journal.get('n_lost')} lost"
        )
    return element(
        "footer",
        element("p", account),
        element("p", "Made by st-monitor. This page holds all it shows and asks nobody else."),
    )
