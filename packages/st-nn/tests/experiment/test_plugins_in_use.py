"""Plugins of a run that goes on: exchanged between two steps, and never taken away unasked."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from st.core import DependencyError, EpochEnd, EpochStart, Registry
from st.nn.backends import choose_backend
from st.nn.experiment import CheckedExperiment, ExperimentRun, check_experiment, read_document
from st.nn.faults import DescriptionError

PLUGIN = """\
from st.core import Plugin, PluginMetadata
from st.nn import MODULE_REGISTRY, Module, ModuleMetadata


class Scaled(Module, frozen=True):
    def forward(self, x, scope):
        return x * FACTOR


class Scaling(Plugin):
    metadata = PluginMetadata("scaling", "1.0", requires_services=("module_registry",))

    def on_load(self, ctx):
        modules = ctx.get_service(MODULE_REGISTRY)
        ctx.callback(modules.register(ModuleMetadata("scaled", plugin_id="scaling"), Scaled))
"""


@pytest.fixture
def plugin(experiment: Path, registry: Registry) -> Path:
    """Give the file of a plugin whose module stands at the end of the experiment's model."""
    file = Path("scaling.py")
    _write(file, "1.0")
    registry.load_path(file)
    last = '{ type = "linear", out_features = 2 },\n'
    text = experiment.read_text("utf-8").replace(last, f'{last}  {{ type = "scaled" }},\n')
    experiment.write_text(text.replace('"adam"', '"sgd"'), encoding="utf-8")
    return file


def _write(file: Path, factor: str) -> None:
    file.write_text(PLUGIN.replace("FACTOR", factor), encoding="utf-8")


def _made(experiment: Path, registry: Registry) -> ExperimentRun:
    checked: CheckedExperiment = check_experiment(read_document(experiment), registry)
    return ExperimentRun(checked, choose_backend(registry, "numpy"), registry)


def _on(registry: Registry, kind: type[Any], epoch: int, act: Callable[[], object]) -> None:
    registry.bus.subscribe(kind, lambda event: act() if event.epoch == epoch else None)


def test_reloaded_module_takes_effect_at_the_next_step(
    experiment: Path, plugin: Path, registry: Registry
) -> None:
    run = _made(experiment, registry)
    kept: list[dict[str, Any]] = []

    def reload() -> None:
        kept.append(dict(run.trainer.parameters()))
        _write(plugin, "0.0")  # from here on nothing depends on the weights
        registry.reload("scaling")

    _on(registry, EpochStart, 3, reload)
    losses: list[float] = []
    registry.bus.subscribe(EpochEnd, lambda event: losses.append(event.loss))

    run.run()

    assert all(np.array_equal(kept[0][name], now) for name, now in run.trainer.parameters().items())
    assert losses[2:] == pytest.approx([np.log(2)] * 2)
    assert losses[1] != pytest.approx(np.log(2), abs=1e-4)
    assert run.step.n_steps == 24


def test_reload_on_another_thread_loses_no_example(
    experiment: Path, plugin: Path, registry: Registry
) -> None:
    text = experiment.read_text("utf-8")
    text = text.replace('{ type = "relu" }', '{ type = "batch_norm" }, { type = "dropout" }')
    experiment.write_text(text, encoding="utf-8")
    plain = _made(experiment, registry)
    plain.run()
    run = _made(experiment, registry)

    def reload() -> None:
        thread = threading.Thread(target=registry.reload, args=("scaling",))
        thread.start()
        thread.join()

    _on(registry, EpochStart, 2, reload)
    run.run()

    # The new version is as the old one, and so are the weights, bit for bit.
    weights = plain.trainer.parameters()
    assert all(np.array_equal(weights[name], now) for name, now in run.trainer.parameters().items())
    assert run.trainer.epoch == 4


def test_plugin_in_use_is_not_unloaded(experiment: Path, plugin: Path, registry: Registry) -> None:
    refused: list[str] = []

    def unload() -> None:
        for plugin_id in ("scaling", "numpy", "nn"):
            with pytest.raises(DependencyError) as caught:
                registry.unregister(plugin_id)
            refused.append(str(caught.value))

    _on(registry, EpochStart, 2, unload)
    run = _made(experiment, registry)
    run.run()

    assert len(refused) == 3
    assert all("needed by " in text and "run-points-1" in text for text in refused)
    assert registry.unregister("scaling") == ("scaling",)


def test_training_ends_with_the_epoch_when_a_plugin_is_taken_away_all_the_same(
    experiment: Path, plugin: Path, registry: Registry
) -> None:
    _on(
        registry,
        EpochStart,
        2,
        lambda: registry.unregister("scaling", dependents="cascade"),
    )
    run = _made(experiment, registry)

    run.run()

    assert run.trainer.epoch == 2


def test_version_that_does_not_fit_ends_the_run_with_its_fault(
    experiment: Path, plugin: Path, registry: Registry
) -> None:
    def reload() -> None:
        plugin.write_text(PLUGIN.replace("x * FACTOR", "x.reshape(-1, 1)"), encoding="utf-8")
        registry.reload("scaling")

    _on(registry, EpochStart, 3, reload)
    run = _made(experiment, registry)

    with pytest.raises(DescriptionError, match="an input it can take"):
        run.run()

    assert run.keeper is not None
    assert run.keeper.saved_epoch == 2


def test_nothing_stays_in_the_registry(experiment: Path, plugin: Path, registry: Registry) -> None:
    before = {handle.id for handle in registry.list()}

    _made(experiment, registry).run()

    assert {handle.id for handle in registry.list()} == before
