"""The commands that this distribution adds to ``st``; needs the extra ``cli``."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from st.nn.commands.check_command import check as check
    from st.nn.commands.evaluate_command import evaluate as evaluate
    from st.nn.commands.generate_command import generate as generate
    from st.nn.commands.modules_command import modules as modules
    from st.nn.commands.predict_command import predict as predict
    from st.nn.commands.runs_command import runs as runs
    from st.nn.commands.train_command import train as train

__all__ = ["check", "evaluate", "generate", "modules", "predict", "runs", "train"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{name}_command"), name)
