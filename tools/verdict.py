"""Sum up a run of the matrix: skipped tests, minutes per distribution, totals.

    python tools/verdict.py TOX.json REPORTS

`TOX.json` is what `tox --result-json` wrote, `REPORTS` the folder of JUnit files, one per
environment. Exit code 1 if an environment failed or was skipped, or if a test was skipped and
tests/allowed_skips.txt gives no reason for it.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
ALLOWED_SKIPS = ROOT / "tests" / "allowed_skips.txt"
# Minutes of one core each part may take on two cores, all Pythons together; 40 for the whole.
BUDGET = {
    "all": 8.0,
    "nn": 6.0,
    "lowest": 6.0,
    "opencl": 5.0,
    "core": 2.0,
    "monitor": 2.0,
    "nn_monitor": 2.0,
    "next_core": 2.0,
    "wheels": 2.0,
    "cli": 1.0,
    "core_monitor": 1.0,
    "docs": 1.0,
    "newcomer": 1.0,
    "no_opencl": 1.0,
    "oclgrind": 1.0,
    "strangers": 1.0,
    "lint": 1.0,
    "types": 1.0,
}


@dataclass(frozen=True)
class Counts:
    """What became of the tests of one environment or of all."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        """Give the sums, field by field."""
        return Counts(
            self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped
        )


def read_report(file: Path) -> tuple[Counts, list[tuple[str, str]]]:
    """Read one JUnit file; give its counts and the (test, message) of every skipped test."""
    counts = Counts()
    skips = []
    for case in ElementTree.parse(file).iter("testcase"):
        skip = case.find("skipped")
        if skip is not None:
            counts += Counts(skipped=1)
            name = f"{case.get('classname')}::{case.get('name')}"
            skips.append((name, skip.get("message", "")))
        elif case.find("failure") is not None or case.find("error") is not None:
            counts += Counts(failed=1)
        else:
            counts += Counts(passed=1)
    return counts, skips


def allowed_skips(text: str) -> list[str]:
    """Give the patterns of `text`; a line is a pattern, two spaces and a reason.

    Raises:
        SystemExit: a line gives no reason.
    """
    patterns = []
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            pattern, _, reason = line.partition("  ")
            if not reason.strip():
                raise SystemExit(f"{ALLOWED_SKIPS.name}: no reason given for {pattern!r}")
            patterns.append(pattern)
    return patterns


def minutes(environments: Mapping[str, Mapping[str, object]]) -> dict[str, float]:
    """Sum the minutes of the environments by their last factor (`py311-nn` counts as `nn`)."""
    sums: dict[str, float] = {}
    for name, outcome in environments.items():
        part = name.rpartition("-")[2]
        result = outcome.get("result")
        seconds = result["duration"] if isinstance(result, dict) else 0.0
        sums[part] = sums.get(part, 0.0) + seconds / 60
    return sums


def unsuccessful(environments: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    """Give the names of the environments that did not run to a good end."""
    for name, outcome in environments.items():
        result = outcome.get("result")
        if not isinstance(result, dict) or not result["success"] or result.get("skipped"):
            yield name


def main() -> int:
    """Print the sums; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("result", type=Path, help="what tox --result-json wrote")
    parser.add_argument("reports", type=Path, help="folder of the JUnit files")
    arguments = parser.parse_args()
    environments = json.loads(arguments.result.read_text(encoding="utf-8"))["testenvs"]
    # tox also lists, with nothing in them, its own environment and those not asked for.
    environments = {name: env for name, env in environments.items() if "result" in env}

    patterns = allowed_skips(ALLOWED_SKIPS.read_text(encoding="utf-8"))
    complaints = [f"{name}: did not succeed" for name in unsuccessful(environments)]
    if not environments:
        complaints.append("no environment ran")
    total = Counts()
    for file in sorted(arguments.reports.glob("*.xml")):
        counts, skips = read_report(file)
        total += counts
        complaints += [
            f"{file.stem}: skipped without a stated reason: {test} ({message})"
            for test, message in skips
            if not any(fnmatchcase(test, pattern) for pattern in patterns)
        ]

    print(f"{'part':<12}{'minutes':>9}{'budget':>9}")
    spent = minutes(environments)
    for part, used in sorted(spent.items(), key=lambda item: -item[1]):
        budget = BUDGET.get(part, 0.0)
        print(f"{part:<12}{used:>9.1f}{budget:>9.1f}{'  over' if used > budget else ''}")
    print(f"{'all parts':<12}{sum(spent.values()):>9.1f}{sum(BUDGET.values()):>9.1f}")
    for complaint in complaints:
        print(f"not good: {complaint}")
    print(f"{total.passed} passed, {total.failed} failed, {total.skipped} skipped")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
