"""What the `st` script runs: it stands outside the namespace, so it can say what hides it.

`st` is a namespace that several distributions share. One regular package or module of that name
anywhere on the import path hides all of them, and then no code inside `st` can explain why.
"""

import importlib.util
import os
import sys
from importlib.machinery import ModuleSpec


def main() -> int:
    """Run the command line and return its exit code; 1 when `st` is hidden or has no core."""
    spec = importlib.util.find_spec("st")
    if spec is not None and spec.origin is not None and not _holds_our_portions(spec):
        print(f"error: {_explanation(spec.origin)}", file=sys.stderr)
        return 1
    try:
        try:
            from st.cli.main import main, report_defect
        except ModuleNotFoundError as missing:
            if missing.name != "st.core":
                raise
            print(
                "error: st-core is not installed: pip install ./packages/st-core", file=sys.stderr
            )
            return 1
        sys.excepthook = report_defect
        return main()
    except KeyboardInterrupt:
        return 130


def _holds_our_portions(spec: ModuleSpec) -> bool:
    """Whether our packages lie inside the regular package, so that they can still be imported."""
    places = spec.submodule_search_locations or ()
    return all(
        any(os.path.isdir(os.path.join(place, name)) for place in places)
        for name in ("core", "cli")
    )


def _explanation(origin: str) -> str:
    owner = _owner(os.path.realpath(origin))
    remedy = (
        f"it belongs to the distribution {owner!r}, which is not ours: pip uninstall {owner}"
        if owner
        else "no installed distribution owns it: rename it, or take its directory off PYTHONPATH"
    )
    return f"{origin} hides the packages of SpiralTorch, which share the name 'st'\n{remedy}"


def _owner(origin: str) -> str | None:
    """Return the name of the distribution that installed the file `origin`, if any did."""
    from importlib.metadata import distributions

    for distribution in distributions():
        for file in distribution.files or ():
            is_top = file.parts[0] in ("st", "st.py")
            if is_top and os.path.realpath(str(distribution.locate_file(file))) == origin:
                return distribution.name
    return None


if __name__ == "__main__":
    sys.exit(main())
