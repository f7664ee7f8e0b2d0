"""What a plugin can do, in thirteen words that others search by."""

from __future__ import annotations

import re
from typing import ClassVar, Final

from st.core.errors import CapabilityError
from st.core.nearest import did_you_mean

_FORM: Final = re.compile(r"\s*([A-Za-z_ -]+?)\s*(?:\(\s*([^()]*?)\s*\))?\s*")


class PluginCapability:
    """One capability: a kind, and a name for the two kinds that carry one.

    Equal capabilities hash alike; the name of a `Backend` compares without regard to case.

    >>> PluginCapability.Backend("CUDA") == PluginCapability.parse("backend(cuda)")
    True
    >>> str(PluginCapability.LOSS_FUNCTIONS)
    'LossFunctions'
    """

    __slots__ = ("_key", "kind", "name")

    OPERATORS: ClassVar[PluginCapability]
    LOSS_FUNCTIONS: ClassVar[PluginCapability]
    OPTIMIZERS: ClassVar[PluginCapability]
    DATA_LOADERS: ClassVar[PluginCapability]
    VISUALIZATION: ClassVar[PluginCapability]
    TELEMETRY: ClassVar[PluginCapability]
    LANGUAGE: ClassVar[PluginCapability]
    VISION: ClassVar[PluginCapability]
    REINFORCEMENT_LEARNING: ClassVar[PluginCapability]
    GRAPH_NEURAL_NETWORKS: ClassVar[PluginCapability]
    RECOMMENDER: ClassVar[PluginCapability]

    kind: str
    name: str
    _key: tuple[str, str]

    def __init__(self, kind: str, name: str = "") -> None:
        if kind not in KINDS:
            raise CapabilityError(
                f"unknown capability {kind!r}{did_you_mean(kind, KINDS)} "
                f"A capability of your own is written Custom({kind})"
            )
        if (kind in NAMED) != bool(name):
            form = f"{kind}(name)" if kind in NAMED else kind
            raise CapabilityError(f"capability {kind!r} is written {form}, not {kind}({name})")
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "_key", (kind, name.casefold() if kind == "Backend" else name))

    @classmethod
    def Backend(cls, name: str) -> PluginCapability:  # noqa: N802 - spelt like the enum it stands for
        """Computes on a device; `name` is the backend's, such as "OpenCL"."""
        return cls("Backend", name)

    @classmethod
    def Custom(cls, name: str) -> PluginCapability:  # noqa: N802
        """Something of a domain of its own, such as "ZSpaceSequencer"."""
        return cls("Custom", name)

    @classmethod
    def parse(cls, text: str) -> PluginCapability:
        """Read `Backend(CUDA)`, `LossFunctions`, `loss_functions` or `Custom(Name)`.

        Raises:
            CapabilityError: When it is none of the thirteen; the nearest one is named.
        """
        match = _FORM.fullmatch(text)
        if match is None:
            raise CapabilityError(
                f"{text!r} is not a capability; expected a form like Backend(CUDA) or Optimizers"
            )
        kind, name = match.groups(default="")
        return cls(_BY_FOLDED.get(_fold(kind), kind), name)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a capability does not change: {self} has no settable {name!r}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PluginCapability) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __str__(self) -> str:
        return f"{self.kind}({self.name})" if self.name else self.kind

    def __repr__(self) -> str:
        return f"PluginCapability.parse({str(self)!r})"

    def __reduce__(self) -> tuple[type[PluginCapability], tuple[str, str]]:
        return PluginCapability, (self.kind, self.name)


#: The kinds that carry a name.
NAMED: Final = frozenset({"Backend", "Custom"})
#: All thirteen kinds, in the order of the guide.
KINDS: Final = (
    "Backend",
    "Operators",
    "LossFunctions",
    "Optimizers",
    "DataLoaders",
    "Visualization",
    "Telemetry",
    "Language",
    "Vision",
    "ReinforcementLearning",
    "GraphNeuralNetworks",
    "Recommender",
    "Custom",
)


def _fold(kind: str) -> str:
    return re.sub(r"[_ -]", "", kind).casefold()


_BY_FOLDED: Final = {_fold(kind): kind for kind in KINDS}

for _kind in KINDS:
    if _kind not in NAMED:
        _constant = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", _kind).upper()
        setattr(PluginCapability, _constant, PluginCapability(_kind))
