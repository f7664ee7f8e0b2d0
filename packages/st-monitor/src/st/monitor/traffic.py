"""What ran and who heard of it, summed up from a record: operators and plugins as rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from st.monitor.plain import Json, as_number
from st.monitor.sketch import Sketch
from st.monitor.store.database import StoredOperator
from st.monitor.store.journal import Entry
from st.monitor.store.recorded import RecordedRun

__all__ = ["PluginFacts", "Watched", "by", "plugin_facts", "watched"]


def by(
    operators: Iterable[StoredOperator], key: Callable[[StoredOperator], str]
) -> dict[str, StoredOperator]:
    """Return operators with the same key as one, the one that took longest first."""
    groups: dict[str, list[StoredOperator]] = {}
    for operator in operators:
        groups.setdefault(key(operator), []).append(operator)
    merged = {name: _merged(group) for name, group in groups.items()}
    longest = sorted(merged.items(), key=lambda item: (-item[1].sketch.total, -item[1].n, item[0]))
    return dict(longest)


def _merged(group: Sequence[StoredOperator]) -> StoredOperator:
    sketch = Sketch()
    for operator in group:
        sketch.merge(operator.sketch)
    return StoredOperator(
        _only({operator.op for operator in group}),
        _only({operator.backend for operator in group}),
        _only({operator.where for operator in group}),
        sum(operator.n for operator in group),
        sketch,
    )


def _only(names: set[str]) -> str:
    return next(iter(names)) if len(names) == 1 else f"{len(names)} of them"


@dataclass(frozen=True, slots=True)
class Watched:
    """How operations were watched, by all processes together.

    Attributes:
        mode: As configured, "" when it is not known.
        share: Share of the time that operations were listened to, from 0 to 1.
        n_published: Operations published meanwhile,
        n_dropped: of which so many could not be taken in.
        cost: Share of the processes' time that watching cost.
    """

    mode: str
    share: float
    n_published: int
    n_dropped: int
    cost: float


def watched(run: RecordedRun) -> Watched:
    """Return how the operations of a run were watched."""

    def total(name: str) -> float:
        return sum(as_number(account.get(name)) or 0.0 for account in run.accounts)

    modes = [str(account.get("mode")) for account in run.accounts if account.get("mode")]
    seconds, busy = total("watched_s"), total("busy_s")
    return Watched(
        mode=modes[-1] if modes else "",
        share=min(1.0, total("listened_s") / seconds) if seconds > 0 else 0.0,
        n_published=int(total("n_published")),
        n_dropped=int(total("n_dropped")),
        cost=total("cost_s") / busy if busy > 0 else 0.0,
    )


@dataclass(frozen=True, slots=True)
class PluginFacts:
    """One plugin as the record knows it.

    Attributes:
        plugin_id: Its id.
        version: Its version.
        state: At the end of the record.
        seconds: How long loading took, None when that is not known.
        n_failures: How often one of its listeners raised.
        requires: Plugins it requires, and those that offer a service it requires.
        provides: Services it offers.
        listens: Events it listens to, and how many of each were published.
    """

    plugin_id: str
    version: str
    state: str
    seconds: float | None
    n_failures: int
    requires: tuple[str, ...]
    provides: tuple[str, ...]
    listens: Mapping[str, int]


def plugin_facts(run: RecordedRun) -> list[PluginFacts]:
    """Return the plugins of a run in the order they were known, with what passed through them."""
    rows = [row for row in _list(run.summary.get("plugins")) if isinstance(row, dict)]
    published = Counter(entry.event for entry in run.entries)
    published["TensorOp"] += sum(operator.n for operator in run.operators)
    seconds = _load_times(run.entries)
    failures = Counter(
        str(entry.fields.get("plugin_id"))
        for entry in run.entries
        if entry.event == "ListenerFailed"
    )
    providers = {
        service: str(row.get("id")) for row in rows for service in _texts(row.get("provides"))
    }
    facts = []
    for row in rows:
        plugin_id = str(row.get("id"))
        services = [providers.get(name) for name in _texts(row.get("requires_services"))]
        needed = [*_texts(row.get("requires")), *(one for one in services if one)]
        facts.append(
            PluginFacts(
                plugin_id=plugin_id,
                version=str(row.get("version") or ""),
                state=str(row.get("state") or ""),
                seconds=seconds.get(plugin_id),
                n_failures=failures[plugin_id],
                requires=tuple(dict.fromkeys(needed)),
                provides=tuple(_texts(row.get("provides"))),
                listens={name: _heard(name, published) for name in _texts(row.get("listens"))},
            )
        )
    return facts


def _heard(name: str, published: Counter[str]) -> int:
    if name != "*":
        return published[name]
    return sum(n for event, n in published.items() if event != "TensorOp")


def _load_times(entries: Iterable[Entry]) -> dict[str, float]:
    found = {}
    for entry in entries:
        seconds = as_number(entry.fields.get("seconds"))
        if entry.event == "PluginLoaded" and seconds:
            found[str(entry.fields.get("plugin_id"))] = seconds
    return found


def _texts(value: Json) -> list[str]:
    return [str(item) for item in _list(value)]


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
