"""What a plugin can do, in thirteen words that others search by."""

from __future__ import annotations

from typing import ClassVar, Final

from st.core.errors import CapabilityError
from st.core.nearest import did_you_mean
from st.core.record import Record, record


@record
class PluginCapability(Record):
    """One capability: a kind, and a name for the two kinds that carry one.

    Equal capabilities hash alike; the name of a `Backend` compares without regard to case.

    >>> PluginCapability.Backend("CUDA") == PluginCapability.parse("backend(cuda)")
    True
    >>> str(PluginCapability.LOSS_FUNCTIONS)
    'LossFunctions'
    """

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
    name: str = ""

    def __post_init__(self) -> None:
        kind, name = self.kind, self.name
        if kind not in KINDS:
            raise CapabilityError(
                f"unknown capability {kind!r}{did_you_mean(kind, KINDS)} "
                f"A capability of your own is written Custom({kind})"
            )
        if (kind in NAMED) != bool(name):
            form = f"{kind}(name)" if kind in NAMED else kind
            raise CapabilityError(f"capability {kind!r} is written {form}, not {kind}({name})")
        self._key = (kind, name.casefold() if kind == "Backend" else name)

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
        kind, opening, rest = (part.strip() for part in text.partition("("))
        name = rest.removesuffix(")")
        if not kind or (opening and name == rest) or "(" in name or ")" in name:
            raise CapabilityError(
                f"{text!r} is not a capability; expected a form like Backend(CUDA) or Optimizers"
            )
        return cls(_BY_FOLDED.get(_fold(kind), kind), name.strip())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PluginCapability) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __str__(self) -> str:
        return f"{self.kind}({self.name})" if self.name else self.kind


# The eleven others, each under the name of its constant: LOSS_FUNCTIONS is LossFunctions.
_CONSTANTS: Final = {
    name.title().replace("_", ""): name
    for name in PluginCapability.__annotations__
    if name.isupper()
}
#: The kinds that carry a name.
NAMED: Final = frozenset({"Backend", "Custom"})
#: All thirteen kinds, in the order of the guide.
KINDS: Final = ("Backend", *_CONSTANTS, "Custom")


def _fold(kind: str) -> str:
    return "".join(filter(str.isalnum, kind)).casefold()


_BY_FOLDED: Final = {_fold(kind): kind for kind in KINDS}

for _kind, _constant in _CONSTANTS.items():
    setattr(PluginCapability, _constant, PluginCapability(_kind))
