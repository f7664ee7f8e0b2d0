"""The name somebody probably meant."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The one of `names` that is spelt most like `name`, or None when none is near.

    >>> nearest("liner", ["linear", "relu"])
    'linear'
    >>> nearest("transformer", ["linear", "relu"]) is None
    True
    """
    from difflib import get_close_matches  # only ever needed on the way to an error message

    by_folded = {candidate.casefold(): candidate for candidate in names}
    matches = get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[matches[0]] if matches else None


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """The end of an error message that names the nearest spelling, or "".

    >>> did_you_mean("liner", ["linear", "relu"])
    "; did you mean 'linear'?"
    """
    match = nearest(name, names)
    return f"; did you mean {match!r}?" if match else ""
