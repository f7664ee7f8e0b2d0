"""Run benchmark suites: ours beside its peers, in one process, in shuffled rounds.

    python tools/bench.py [NAME …] [--all] [--rounds N] [--out DIR] [--compare OLD.json]

A suite is a module `packages/*/benchmarks/suite_*.py` with `NAME: str` and
`def run(bench) -> None`, which calls `bench.case` for what is timed here, `bench.keep` for rounds
it timed itself, and `bench.record` for other figures. Without a name the suites are listed.
Results are printed as Markdown; `--out DIR` also writes them there as Markdown and JSON. Of two
runs only the ratios can be compared, and that is what `--compare` does.
"""

import argparse
import gc
import importlib.util
import json
import math
import os
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent
# A callable is repeated until one timing takes this long, so that the clock's own cost vanishes.
TIMING_NS = 5_000_000


@dataclass(frozen=True)
class Timing:
    """One callable's times over all rounds, per call."""

    name: str
    minimum_ns: float
    median_ns: float
    # Against the case's base in the same round: median, and the tenth and ninetieth percentile.
    ratio: float
    ratio_low: float
    ratio_high: float


@dataclass(frozen=True)
class Case:
    """One thing done by several callables."""

    suite: str
    title: str
    base: str
    rounds: int
    timings: tuple[Timing, ...]


@dataclass(frozen=True)
class Figures:
    """Values that a suite measured in its own way."""

    suite: str
    title: str
    unit: str
    values: Mapping[str, float]


@dataclass(frozen=True)
class Surroundings:
    """When, where and with what versions the benchmarks ran."""

    date: str
    processor: str
    cores: int
    load: float
    system: str
    python: str
    versions: Mapping[str, str]


class Bench:
    """What a suite gets: it times callables and keeps figures.

    Args:
        rounds: how often each callable of a case is timed.
        seed: of the order within the rounds.
    """

    def __init__(self, rounds: int, seed: int = 0) -> None:
        self.suite = ""
        self.cases: list[Case] = []
        self.figures: list[Figures] = []
        self.rounds = rounds
        self._random = random.Random(seed)

    def case(
        self,
        title: str,
        callables: Mapping[str, Callable[[], object]],
        *,
        base: str | None = None,
        number: int | None = None,
        setup: Callable[[], object] | None = None,
    ) -> Case:
        """Time `callables` against each other and keep the result.

        Args:
            title: what is done, with its sizes.
            callables: name to callable without arguments, ours first.
            base: the name that ratios refer to; the last one unless given.
            number: calls in one timing; unless given, as many as take five milliseconds.
            setup: called before every timing, not timed.
        """
        base = list(callables)[-1] if base is None else base
        numbers = {}
        for name, call in callables.items():
            if setup is not None:
                setup()
            numbers[name] = number or calls_per_timing(call)
        per_call: dict[str, list[float]] = {name: [] for name in callables}
        for _ in range(self.rounds):
            for name in self._random.sample(list(callables), len(callables)):
                if setup is not None:
                    setup()
                per_call[name].append(elapsed_ns(callables[name], numbers[name]) / numbers[name])
        return self.keep(title, per_call, base)

    def keep(self, title: str, per_call: Mapping[str, Sequence[float]], base: str) -> Case:
        """Keep the nanoseconds per call that a suite took itself, round by round.

        Something slow may have fewer rounds than `base`: the first ones.
        """
        timings = tuple(summarise(name, mine, per_call[base]) for name, mine in per_call.items())
        case = Case(self.suite, title, base, len(per_call[base]), timings)
        self.cases.append(case)
        return case

    def record(self, title: str, values: Mapping[str, float], unit: str) -> None:
        """Keep `values` (name to number, all in `unit`) that were measured elsewhere."""
        self.figures.append(Figures(self.suite, title, unit, dict(values)))


def elapsed_ns(call: Callable[[], object], number: int) -> int:
    """Give the nanoseconds that `number` calls take, with the garbage collector off."""
    repeat = range(number)
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        start = time.perf_counter_ns()
        for _ in repeat:
            call()
        return time.perf_counter_ns() - start
    finally:
        if was_enabled:
            gc.enable()


def calls_per_timing(call: Callable[[], object]) -> int:
    """Give how many calls fill one timing, after warming up."""
    number = 1
    while (taken := elapsed_ns(call, number)) < TIMING_NS:
        number = max(number * 2, int(number * TIMING_NS / max(taken, 1)))
    return number


def summarise(name: str, mine: Sequence[float], base: Sequence[float]) -> Timing:
    """Sum up the times per call `mine` against those of the base in the same rounds."""
    ratios = sorted(own / other for own, other in zip(mine, base, strict=False))
    last = len(ratios) - 1
    return Timing(
        name=name,
        minimum_ns=min(mine),
        median_ns=statistics.median(mine),
        ratio=statistics.median(ratios),
        ratio_low=ratios[round(0.1 * last)],
        ratio_high=ratios[round(0.9 * last)],
    )


def find_suites() -> dict[str, ModuleType]:
    """Import the suites of every distribution; give them by name."""
    suites: dict[str, ModuleType] = {}
    for file in sorted(ROOT.glob("packages/*/benchmarks/suite_*.py")):
        spec = importlib.util.spec_from_file_location(f"benchmark_{file.stem}", file)
        if spec is None or spec.loader is None:
            raise ImportError(f"{file}: cannot be imported")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        if module.NAME in suites:
            raise ValueError(f"{file}: a suite named {module.NAME!r} exists already")
        suites[module.NAME] = module
    return suites


def surroundings() -> Surroundings:
    """Describe this machine, now."""
    imported = {name.partition(".")[0] for name in sys.modules}
    versions = {
        found.name: found.version
        for found in distributions()
        if found.name.startswith("st-") or found.name.replace("-", "_").lower() in imported
    }
    return Surroundings(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        processor=processor(),
        cores=os.cpu_count() or 1,
        load=round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else math.nan,
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        versions=dict(sorted(versions.items())),
    )


def processor() -> str:
    """Name the processor as the system does."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def markdown(where: Surroundings, bench: Bench, old: Mapping[str, float]) -> str:
    """Write the results as Markdown; `old` gives earlier ratios by `ratio_key`."""
    lines = [
        f"# Benchmarks of {where.date[:10]}",
        "",
        f"{where.processor}, {where.cores} cores, load {where.load}; {where.system}; "
        f"Python {where.python}; "
        f"{', '.join(f'{name} {version}' for name, version in where.versions.items())}.",
        "Times are per call. A ratio is the median over rounds of time / base's time in the same "
        "round; the spread is its tenth to ninetieth percentile.",
    ]
    for case in bench.cases:
        lines += ["", f"## {case.suite}: {case.title}", ""]
        earlier = " earlier ratio |" if old else ""
        lines += [f"| | minimum | median | ratio to {case.base} | spread |{earlier}"]
        lines += ["|---|---:|---:|---:|---:|" + ("---:|" if old else "")]
        for timing in case.timings:
            row = (
                f"| {timing.name} | {show_ns(timing.minimum_ns)} | {show_ns(timing.median_ns)} "
                f"| {timing.ratio:.2f} | {timing.ratio_low:.2f} to {timing.ratio_high:.2f} |"
            )
            before = old.get(ratio_key(case.suite, case.title, timing.name))
            if old:
                row += f" {before:.2f} |" if before is not None else " |"
            lines.append(row)
    for figures in bench.figures:
        lines += ["", f"## {figures.suite}: {figures.title}", "", f"| | {figures.unit} |"]
        lines += ["|---|---:|"]
        lines += [f"| {name} | {value:,.4g} |" for name, value in figures.values.items()]
    return "\n".join(lines) + "\n"


def show_ns(nanoseconds: float) -> str:
    """Write a time with three digits and a fitting unit."""
    for factor, unit in ((1e9, "s"), (1e6, "ms"), (1e3, "µs")):
        if nanoseconds >= factor:
            return f"{nanoseconds / factor:.3g} {unit}"
    return f"{nanoseconds:.3g} ns"


def ratio_key(suite: str, title: str, name: str) -> str:
    """Name one ratio, so that it is found again in another run."""
    return f"{suite} / {title} / {name}"


def read_ratios(file: Path) -> dict[str, float]:
    """Read the ratios of an earlier run from its JSON."""
    earlier = json.loads(file.read_text(encoding="utf-8"))
    return {
        ratio_key(case["suite"], case["title"], timing["name"]): timing["ratio"]
        for case in earlier["cases"]
        for timing in case["timings"]
    }


def run_suites(suites: Iterable[ModuleType], rounds: int) -> Bench:
    """Run `suites` one after the other."""
    bench = Bench(rounds)
    for suite in suites:
        bench.suite = suite.NAME
        suite.run(bench)
    return bench


def main() -> int:
    """Run what is asked for; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="suites to run")
    parser.add_argument("--all", action="store_true", help="run every suite")
    parser.add_argument("--rounds", type=int, default=30, help="timings of each callable")
    parser.add_argument("--out", type=Path, help="directory for Markdown and JSON")
    parser.add_argument("--compare", type=Path, metavar="OLD.json", help="an earlier run")
    arguments = parser.parse_args()

    suites = find_suites()
    names = list(suites) if arguments.all else arguments.names
    if not names:
        print("\n".join(suites))
        return 0
    if unknown := [name for name in names if name not in suites]:
        parser.error(f"no suite named {unknown[0]!r}; there are: {', '.join(suites)}")

    old = read_ratios(arguments.compare) if arguments.compare else {}
    bench = run_suites((suites[name] for name in names), arguments.rounds)
    where = surroundings()
    text = markdown(where, bench, old)
    print(text, end="")
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
        stem = arguments.out / f"{where.date[:10]}-{'-'.join(names)}"
        stem.with_suffix(".md").write_text(text, encoding="utf-8")
        results = asdict(where) | {
            "cases": [asdict(case) for case in bench.cases],
            "figures": [asdict(figures) for figures in bench.figures],
        }
        stem.with_suffix(".json").write_text(json.dumps(results, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
