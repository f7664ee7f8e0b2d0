"""A training run tells the stages of its sequencers, wherever in the model they are."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from st.core import Registry
from st.nn.experiment import train_experiment
from st.nn.zspace_coherence import ZSpacePluginRegistry

MODEL = """\
model = [
  { type = "residual", modules = [{ type = "zspace_coherence", heads = 1, taps = 4 }] },
  { type = "zspace_coherence", heads = 2, taps = 4 },
  { type = "flatten" },
"""
STAGES = ["configured", "projected", "coherence_measured", "aggregated"]


class Listener:
    name = "listener"
    stages = ()

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def on_stage(self, event: Any) -> None:
        self.heard.append(event)


@pytest.fixture
def watched(experiment: Path) -> Path:
    text = experiment.read_text(encoding="utf-8")
    start = 'model = [\n  { type = "flatten" },\n'
    assert start in text
    experiment.write_text(text.replace(start, MODEL, 1), encoding="utf-8")
    return experiment


def test_plugin_hears_every_stage_of_every_sequencer_after_every_epoch(
    watched: Path, registry: Registry
) -> None:
    listener = Listener()
    ZSpacePluginRegistry.register(listener, registry=registry)

    train_experiment(watched, registry)

    # Four epochs, two sequencers.
    assert [event.stage for event in listener.heard] == 8 * STAGES
    assert [event.config.heads for event in listener.heard[::4]] == 4 * [1, 2]
    first, last = listener.heard[1], listener.heard[-7]
    assert first.input.shape == last.input.shape == (32, 2, 2)
    np.testing.assert_array_equal(first.input, last.input)
    assert (first.points != last.points).any()  # the weights are those of the moment


def test_listening_changes_nothing_of_what_is_learned(watched: Path, registry: Registry) -> None:
    alone = train_experiment(watched, registry)
    ZSpacePluginRegistry.register(Listener(), registry=registry)
    heard = train_experiment(watched, registry)

    weights = [run.directory.path / "model/weights.safetensors" for run in (alone, heard)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_plugin_that_is_gone_hears_nothing(watched: Path, registry: Registry) -> None:
    listener = Listener()
    ZSpacePluginRegistry.register(listener, registry=registry)
    registry.unregister("zspace_sequencer_listener")

    train_experiment(watched, registry)

    assert listener.heard == []
