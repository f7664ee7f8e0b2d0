"""The thread that empties the tapes: cuts records into columns, hands them on, keeps accounts."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from time import perf_counter, perf_counter_ns, process_time, thread_time_ns
from typing import Any, Final, NamedTuple, Protocol

from st.core import EventBus, TensorOp
from st.monitor.sampling import Cost, Sampling
from st.monitor.tape import Tape

__all__ = ["CAPACITY", "FIELDS", "Account", "Drain", "Sink", "cost_of_a_record"]

# What is lost at most when the process is killed, beside the time to write it.
FLUSH_S: Final = 0.1
# Operators, series and figures are written as a whole, so less often.
SAVE_S: Final = 1.0
# How soon the thread looks again when a tape was a quarter full.
BUSY_S: Final = 0.01
# So many at once: half a millisecond of work, after which others may have the interpreter.
CHUNK: Final = 4096
CAPACITY: Final = 65_536
# Publishers may know fields that this version does not; records are then wider.
FIELDS: Final = TensorOp.__match_args__
CALIBRATION: Final = 400


class Account(NamedTuple):
    """What became of the single operations that were published while somebody listened.

    Attributes:
        n_recorded: Taken in.
        n_dropped: Refused: the tape was full or what was published could not be read.
        n_pending: Not yet looked at.
        listened_s: For how long operations were listened to,
        watched_s: of how many seconds.
        cost_s: What that cost, in seconds of one core.
        busy_s: In how many seconds it cost that: of the clock or of the process, whichever are
            fewer, so that neither waiting for others nor further threads make it look cheap.
    """

    n_recorded: int
    n_dropped: int
    n_pending: int
    listened_s: float
    watched_s: float
    cost_s: float
    busy_s: float

    @property
    def n_published(self) -> int:
        """All of them."""
        return self.n_recorded + self.n_dropped + self.n_pending

    def since(self, start: Account) -> Account:
        """Return what happened after `start`."""
        # What still waits was published after every start.
        return Account(
            self.n_recorded - start.n_recorded,
            self.n_dropped - start.n_dropped,
            self.n_pending,
            self.listened_s - start.listened_s,
            self.watched_s - start.watched_s,
            self.cost_s - start.cost_s,
            self.busy_s - start.busy_s,
        )


class Sink(Protocol):
    """Takes in what was on the tapes; called by one thread at a time."""

    def take_operations(
        self,
        names: Sequence[Sequence[Any]],
        start_ns: Sequence[object],
        end_ns: Sequence[object],
    ) -> None:
        """Take in operations, columns of operator, backend, place, start and end.

        Raises what `batch` raises.
        """

    def take_spans(self, spans: Sequence[tuple[str, int, int, int]]) -> None:
        """Take in spans: name, start, end, thread."""

    def flush(self) -> None:
        """Write what can be written in pieces."""

    def save(self, account: Account) -> None:
        """Write what is written as a whole; the account begins with the sink."""


class Drain:
    """Empties the tapes every tenth of a second while there are sinks.

    :meth:`turn` may be called from any thread, so that the end of a run misses nothing.

    Args:
        sampling: Says when to listen.
        operations: A tape of TensorOp records.
        spans: A tape of spans.
        listen: Called with True and False to switch the tape of operations on and off.
        measure: Called with the account before it is saved.
    """

    def __init__(
        self,
        sampling: Sampling,
        operations: Tape,
        spans: Tape,
        listen: Callable[[bool], object],
        measure: Callable[[Account], object],
    ) -> None:
        self.sampling = sampling
        self.operations = operations
        self.spans = spans
        self._listen = listen
        self._measure = measure
        self._columns = [FIELDS.index(name) for name in ("op_name", "backend", "where")]
        self._times = [FIELDS.index(name) for name in ("start_ns", "end_ns")]
        self.reset()

    def reset(self) -> None:
        """Be as if new; the child of a fork, in which nobody holds the lock, begins like this."""
        self.lock = threading.RLock()
        self.operations.clear()
        self.spans.clear()
        self.sinks: dict[Sink, Account] = {}
        self.sampling.is_listening = False
        self.cost = Cost(math.nan)
        self._listened_s = self._watched_s = self._busy_s = 0.0
        self._cpu_then = process_time()
        self._stretch_began = self._flushed = self._saved = perf_counter()
        self._spent_before = 0.0
        self._was_full = False

    # --- the thread -----------------------------------------------------------------------------

    def run(self, stop: threading.Event) -> None:
        """Empty the tapes until `stop` is set."""
        while not stop.wait(self._pause_s()):
            self.turn()
        self.turn()

    def _pause_s(self) -> float:
        if self._was_full:
            return BUSY_S
        left = self._stretch_began + self.sampling.length_s - perf_counter()
        # Twice as often as promised while operations come: a busy machine wakes threads late.
        period = FLUSH_S / 2 if self.sampling.is_listening else FLUSH_S
        return max(0.001, min(period, left)) if self.sinks else FLUSH_S

    def start(self, sink: Sink) -> None:
        """Begin to hand records to a sink."""
        with self.lock:
            if math.isnan(self.cost.per_record_ns):
                self.cost.per_record_ns = cost_of_a_record()
            if not self.sinks:
                # What was left over belongs to no run.
                self._empty()
                self._end_stretch()
                self.sampling.start()
                self._listen(self.sampling.is_listening)
            self.sinks = {**self.sinks, sink: self.account()}

    def stop(self, sink: Sink) -> None:
        """Hand over what is there, and no more after that."""
        with self.lock:
            if sink not in self.sinks:
                return
            self.turn()
            self._measure(self.account())
            sink.save(self.account().since(self.sinks[sink]))
            self.sinks = {other: at for other, at in self.sinks.items() if other is not sink}
            if not self.sinks:
                self._end_stretch()
                self.sampling.is_listening = False
                self._listen(False)

    def turn(self) -> None:
        """Empty the tapes once, and do what is due."""
        with self.lock:
            began = thread_time_ns()
            self._empty()
            now = perf_counter()
            for sink in self.sinks:
                sink.flush()
            if self.sinks and now - self._stretch_began >= self.sampling.length_s:
                self._next_stretch()
            self.cost.drain_s += (thread_time_ns() - began) * 1e-9
            if now - self._saved >= SAVE_S:
                self._saved = now
                began = thread_time_ns()
                self._measure(self.account())
                for sink, start in self.sinks.items():
                    sink.save(self.account().since(start))
                self.cost.drain_s += (thread_time_ns() - began) * 1e-9

    # --- records --------------------------------------------------------------------------------

    def _empty(self) -> None:
        n_before = self.operations.n_pending
        self._was_full = n_before * 4 > self.operations.capacity
        # What comes meanwhile is left for the next turn, so that this one ends.
        for _ in range(-(-n_before // CHUNK)):
            self._operations(self.operations.take(CHUNK))
        spans = self.spans.take()
        if spans and self.sinks:
            width = self.spans.width
            rows = list(zip(*(spans[column::width] for column in range(width)), strict=True))
            for sink in self.sinks:
                sink.take_spans(rows)
        self.cost.n_records = self.operations.n_recorded + self.operations.n_dropped

    def _operations(self, fields: Sequence[Any]) -> None:
        width = self.operations.width
        names = [fields[column::width] for column in self._columns]
        start_ns, end_ns = (fields[column::width] for column in self._times)
        try:
            for sink in self.sinks:
                sink.take_operations(names, start_ns, end_ns)
        except (TypeError, ValueError, OverflowError):
            # One publisher's nonsense shifts the columns of all records after it.
            self.operations.discard(len(start_ns))

    # --- accounts -------------------------------------------------------------------------------

    def account(self) -> Account:
        """Return what became of everything so far."""
        listening = perf_counter() - self._stretch_began
        tape = self.operations
        return Account(
            tape.n_recorded,
            tape.n_dropped,
            tape.n_pending,
            self._listened_s + (listening if self.sampling.is_listening else 0.0),
            self._watched_s + listening,
            self.cost.seconds,
            self._busy_s + min(listening, process_time() - self._cpu_then),
        )

    def _next_stretch(self) -> None:
        lasted_s = min(perf_counter() - self._stretch_began, process_time() - self._cpu_then)
        spent = self.cost.seconds
        was_listening = self.sampling.is_listening
        self.sampling.stretch_ended(lasted_s, spent - self._spent_before)
        self._spent_before = spent
        self._end_stretch(was_listening)
        if self.sampling.is_listening != was_listening:
            self._listen(self.sampling.is_listening)

    def _end_stretch(self, was_listening: bool | None = None) -> None:
        now = perf_counter()
        lasted_s = now - self._stretch_began
        listened = self.sampling.is_listening if was_listening is None else was_listening
        self._listened_s += lasted_s if listened else 0.0
        self._watched_s += lasted_s
        busy = process_time()
        self._busy_s += min(lasted_s, busy - self._cpu_then)
        self._stretch_began, self._cpu_then = now, busy


def cost_of_a_record() -> float:
    """Measure what telling of one operation costs a backend here, in nanoseconds.

    The same is done as in a bound step: a function called with the two times looks up what ran
    and records it on a tape that listens alone.
    """
    bus, tape = EventBus(), Tape(len(FIELDS), CALIBRATION)
    topic = bus.topic(TensorOp)
    launches = [("matmul", ((64, 128), (128, 128)), "body.0")]
    with bus.subscribe(TensorOp, tape.record, raw=True):
        record = topic.record or tape.record

        def trace(n: int, start_ns: int, end_ns: int) -> None:
            op, shapes, where = launches[n]
            record((op, shapes, start_ns, end_ns, "NumPy", where))

        fastest = math.inf
        for _ in range(4):
            tape.take()
            began = perf_counter_ns()
            for _ in range(CALIBRATION // 4):
                start_ns = perf_counter_ns()
                trace(0, start_ns, perf_counter_ns())
            fastest = min(fastest, (perf_counter_ns() - began) / (CALIBRATION // 4))
    return fastest
