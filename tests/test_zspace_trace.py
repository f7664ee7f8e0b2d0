"""The monitor's trace hears a Z-space sequencer, though neither knows the other."""

import numpy as np

from st.core import Registry
from st.core.backend import spec
from st.monitor import ZSpaceTrace
from st.nn import SGD, MeanSquaredError, Model, TrainingStep
from st.nn.numpy_backend import NumPyBackend
from st.nn.zspace_coherence import ZSpaceObserver, ZSpaceSequencer


def test_trace_of_another_distribution_hears_every_stage_between_steps() -> None:
    sequencer, backend = ZSpaceSequencer(heads=2, bands=3), NumPyBackend()
    model = Model([("mixer", sequencer)], spec((20, 8), "float32"))
    step = TrainingStep(model, MeanSquaredError(), SGD(lr=0.1), backend, 2, model.initialise(1))
    x = np.random.default_rng(0).normal(size=(2, 20, 8)).astype(np.float32)
    trace = ZSpaceTrace()

    with Registry(environ={}) as registry, ZSpaceObserver(sequencer, backend, registry) as observer:
        registry.register(trace)
        for _ in range(2):
            step.run(x, x)
            observer.read(x, step.parameters(), path="mixer")

    stages = ["configured", "projected", "coherence_measured", "aggregated"]
    assert [heard["stage"] for heard in trace.summaries()] == 2 * stages
    assert [panel.title for panel in trace.panels()] == [
        "Z-space stages",
        "Z-space weights",
        "Z-space curvature",
    ]
