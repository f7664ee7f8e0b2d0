"""From the names in an experiment to what a step is made of, and to the plugins behind them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from st.core import Registry
from st.nn.backends import BackendChoice, choose_backend
from st.nn.discovery import MODULE_REGISTRY, ModuleDiscoveryRegistry
from st.nn.experiment.check import CheckedExperiment
from st.nn.experiment.entries import make_metrics
from st.nn.experiment.schema import Experiment
from st.nn.faults import DescriptionError
from st.nn.pipeline import ModulePipelineBuilder, types_named
from st.nn.recipe import Recipe


def names_of(config: Experiment) -> set[str]:
    """Return the names of modules, losses and the like in an experiment, however deep."""
    metrics = [{"type": entry} if isinstance(entry, str) else entry for entry in config.metrics]
    return set(types_named([config.model, config.loss, config.optimizer, config.schedule, metrics]))


def plugins_of(checked: CheckedExperiment, choice: BackendChoice, registry: Registry) -> set[str]:
    """Return the ids of the plugins that a step of the experiment is recorded with."""
    discovery = registry.get_service(MODULE_REGISTRY)
    offering = {discovery.get_metadata(name).plugin_id for name in names_of(checked.config)}
    return {*offering, choice.plugin_id} - {""}  # what the program itself registered


def recipe_of(checked: CheckedExperiment, choice: BackendChoice, registry: Registry) -> Recipe:
    """Return what a step of the experiment is made of, from the code there is now.

    Raises:
        DescriptionError: The code no longer takes what the experiment says.
        PluginError: A plugin is gone.
        BackendNotFoundError, BackendUnusableError: The backend is gone.
    """
    discovery = registry.get_service(MODULE_REGISTRY)
    config = checked.config
    metrics, faults = make_metrics(config.metrics, discovery)
    if faults:
        raise DescriptionError(checked.document.source, faults)
    pipeline = ModulePipelineBuilder.from_config(checked.pipeline.to_config(), discovery)
    return Recipe(
        pipeline.build(),
        _made(config.loss, discovery),
        _made(config.optimizer, discovery),
        choose_backend(registry, choice.name).backend,
        None if config.schedule is None else _made(config.schedule, discovery),
        metrics,
    )


def _made(entry: Mapping[str, Any], discovery: ModuleDiscoveryRegistry) -> Any:
    fields = {name: value for name, value in entry.items() if name != "type"}
    return discovery.create(entry["type"], fields)
