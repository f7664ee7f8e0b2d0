"""Whether the groups of an optimizer have parameters, asked before anything is allocated."""

from __future__ import annotations

from fnmatch import fnmatchcase

from st.core.nearest import nearest
from st.nn.faults import Fault, shown
from st.nn.model import Model
from st.nn.optim import Optimizer


def group_faults(model: Model, optimizer: Optimizer) -> tuple[Fault, ...]:
    """Return a fault for each group whose `match` no parameter of `model` has."""
    names = tuple(model.parameters)
    return tuple(
        Fault(
            ("optimizer", "groups", number, "match"),
            "the name of a parameter, * for any text",
            shown(group.match),
            nearest(group.match, names) or "",
        )
        for number, group in enumerate(optimizer.groups)
        if not any(fnmatchcase(name, group.match) for name in names)
    )
