import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from st.core import EpochEnd, EpochStart, EventBus, Registry, Telemetry
from st.core.backend import Backend
from st.nn.backends import choose_backend
from st.nn.data import Dataset
from st.nn.flat import ParameterError
from st.nn.modules import Linear, Relu
from st.nn.optim import SGD, Adam
from st.nn.schedules import Schedule
from st.nn.train import BatchesDone, Trainer, UntrainedError


@pytest.fixture
def backend(registry: Registry) -> Iterator[Backend]:
    return choose_backend(registry, "numpy").backend


@pytest.fixture
def data() -> Dataset:
    source = np.random.default_rng(1)
    x = source.normal(size=(50, 2)).astype(np.float32)
    y = (x[:, 0] > x[:, 1]).astype(np.int64)
    return Dataset(x, y, ("no", "yes"), np.arange(1, 51))


def _trainer(backend: Backend, **options: Any) -> Trainer:
    modules = [Linear(out_features=8), Relu(), Linear(out_features=2)]
    options = {"optimizer": Adam(lr=0.05), "bus": EventBus(), "batch_size": 16} | options
    return Trainer(modules, backend=backend, **options)


def test_trainer_learns(backend: Backend, data: Dataset) -> None:
    trainer = _trainer(backend)

    trainer.fit(data, epochs=100)

    assert trainer.evaluate(data).accuracy >= 0.95


def test_events_of_an_epoch_come_in_order(backend: Backend, data: Dataset) -> None:
    heard: list[object] = []
    bus = EventBus()
    for kind in (EpochStart, Telemetry, EpochEnd):
        bus.subscribe(kind, heard.append)

    _trainer(backend, bus=bus).fit(data, epochs=2, held_out=data)

    assert [type(event) for event in heard] == [EpochStart, Telemetry, EpochEnd] * 2
    telemetry, end = heard[1], heard[2]
    assert isinstance(telemetry, Telemetry)
    assert isinstance(end, EpochEnd)
    assert telemetry.data["loss"] == end.loss
    assert 0 <= telemetry.data["held_out_accuracy"] <= 1


def test_two_fits_are_one_longer_fit(backend: Backend, data: Dataset) -> None:
    whole, parts = _trainer(backend), _trainer(backend)

    whole.fit(data, epochs=4)
    parts.fit(data, epochs=3)
    parts.fit(data, epochs=1)

    assert (whole.epoch, parts.epoch) == (4, 4)
    for name, array in whole.parameters().items():
        np.testing.assert_array_equal(parts.parameters()[name], array)


def test_loss_of_an_epoch_is_the_mean_over_its_examples(backend: Backend, data: Dataset) -> None:
    losses: list[float] = []
    bus = EventBus()
    bus.subscribe(EpochEnd, lambda event: losses.append(event.loss))
    # So small a rate that the weights stay as they are: the loss is that of the first weights.
    trainer = _trainer(backend, optimizer=SGD(lr=1e-30), bus=bus)

    trainer.fit(data, epochs=1)

    scores = trainer.predict(data.x).astype(np.float64)
    right = scores[np.arange(len(data)), data.y]
    expected = np.mean(np.log(np.exp(scores).sum(axis=1)) - right)
    assert losses == [pytest.approx(expected, rel=1e-5)]


def test_seed_decides_weights_and_order(backend: Backend, data: Dataset) -> None:
    def weights(seed: int) -> Any:
        trainer = _trainer(backend, seed=seed)
        trainer.fit(data, epochs=1)
        return trainer.parameters()["0.weight"]

    np.testing.assert_array_equal(weights(1), weights(1))
    assert not np.array_equal(weights(1), weights(2))


def test_listener_can_end_the_training(backend: Backend, data: Dataset) -> None:
    bus = EventBus()
    trainer = _trainer(backend, bus=bus)
    bus.subscribe(EpochEnd, lambda event: trainer.stop() if event.epoch == 2 else None)

    trainer.fit(data, epochs=9)

    assert trainer.epoch == 2


def test_fewer_rows_than_a_batch_are_one_batch(backend: Backend, data: Dataset) -> None:
    trainer = _trainer(backend, batch_size=1000)

    trainer.fit(data, epochs=1)

    assert trainer.step.n_steps == 1


def test_evaluation_of_more_rows_than_one_prediction_takes(backend: Backend, data: Dataset) -> None:
    trainer = _trainer(backend)
    trainer.fit(data, epochs=1)
    many = np.tile(data.x, (41, 1))

    np.testing.assert_allclose(
        trainer.predict(many), np.tile(trainer.predict(data.x), (41, 1)), rtol=1e-5, atol=1e-6
    )


def test_untrained_trainer_has_no_weights(backend: Backend) -> None:
    with pytest.raises(UntrainedError, match="call fit first"):
        _trainer(backend).parameters()


def test_batches_are_told_on_the_way_but_not_at_the_end(backend: Backend, data: Dataset) -> None:
    heard: list[tuple[int, int, int]] = []
    bus = EventBus()
    bus.subscribe(BatchesDone, lambda told: heard.append((told.epoch, told.n_done, told.n_batches)))

    _trainer(backend, bus=bus, batch_size=1).fit(data, epochs=2)

    assert heard == [(1, 32, 50), (2, 32, 50)]


def test_another_trainer_goes_on_from_inside_an_epoch(backend: Backend, data: Dataset) -> None:
    bus, losses = EventBus(), []
    bus.subscribe(EpochEnd, lambda event: losses.append(event.loss))
    first, second = (_trainer(backend, bus=bus, batch_size=1) for _ in range(2))
    taken: list[Any] = []
    bus.subscribe(BatchesDone, lambda _: taken.append((first.parameters(), first.state())))
    first.fit(data, epochs=2)
    whole, *_ = losses

    second.prepare(data)
    second.load_state(*taken[0])
    assert (second.epoch, second.n_batches) == (0, 32)
    second.fit(data, epochs=2)

    assert losses[2] == whole
    for name, array in first.parameters().items():
        np.testing.assert_array_equal(second.parameters()[name], array)


def test_state_of_another_seed_is_refused(backend: Backend, data: Dataset) -> None:
    trained, other = _trainer(backend, seed=1), _trainer(backend, seed=2)
    trained.fit(data, epochs=1)
    other.prepare(data)

    with pytest.raises(ParameterError, match="of seed 1, this is seed 2"):
        other.load_state(trained.parameters(), trained.state())


def test_state_without_the_place_in_training_is_refused(backend: Backend, data: Dataset) -> None:
    trainer = _trainer(backend)
    trainer.fit(data, epochs=1)

    with pytest.raises(ParameterError, match="does not say where the training stood"):
        trainer.load_state(trainer.parameters(), trainer.step.state())


def test_schedule_decides_the_rate_of_every_step(backend: Backend, data: Dataset) -> None:
    asked: list[tuple[int, int, int]] = []

    class Listed(Schedule, frozen=True):
        def factor(self, step: int, n_steps: int, n_per_epoch: int) -> float:
            asked.append((step, n_steps, n_per_epoch))
            return 0.5**step

    told: list[float] = []
    bus = EventBus()
    bus.subscribe(Telemetry, lambda event: told.append(event.data["learning_rate"]))
    trainer = _trainer(backend, bus=bus, optimizer=SGD(lr=1.0), schedule=Listed())

    trainer.fit(data, epochs=2)

    assert asked == [(step, 8, 4) for step in range(1, 9)]
    assert told == [0.5**4, 0.5**8]


def test_schedule_of_a_second_fit_goes_on(backend: Backend, data: Dataset) -> None:
    asked: list[tuple[int, int]] = []

    class Listed(Schedule, frozen=True):
        def factor(self, step: int, n_steps: int, n_per_epoch: int) -> float:
            asked.append((step, n_steps))
            return 1.0

    trainer = _trainer(backend, schedule=Listed())
    trainer.fit(data, epochs=1)
    trainer.fit(data, epochs=2)

    assert asked == [(step, 4) for step in range(1, 5)] + [(step, 12) for step in range(5, 13)]


def test_rate_of_zero_leaves_the_weights(backend: Backend, data: Dataset) -> None:
    class Nothing(Schedule, frozen=True):
        def factor(self, step: int, n_steps: int, n_per_epoch: int) -> float:
            return 0.0

    trainer = _trainer(backend, optimizer=SGD(lr=1.0), schedule=Nothing())
    trainer.prepare(data)
    before = trainer.parameters()

    trainer.fit(data, epochs=1)

    assert all(np.array_equal(before[name], now) for name, now in trainer.parameters().items())


@pytest.mark.parametrize("n_epochs", [1, 3])
def test_batches_that_are_got_ready_in_advance_change_nothing(
    backend: Backend, data: Dataset, n_epochs: int
) -> None:
    found = []
    for prefetch in (0, 3):
        trainer = _trainer(backend, prefetch=prefetch)
        trainer.fit(data, epochs=n_epochs)
        found.append({**trainer.parameters(), **trainer.state()})

    assert all(np.array_equal(array, found[1][name]) for name, array in found[0].items())


def test_interrupt_leaves_no_thread_behind(backend: Backend, data: Dataset) -> None:
    bus, n_before = EventBus(), threading.active_count()

    def stop(event: BatchesDone) -> None:
        raise KeyboardInterrupt

    bus.subscribe(BatchesDone, stop)
    trainer = _trainer(backend, bus=bus, prefetch=2, batch_size=1)
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(data, epochs=1)

    assert threading.active_count() == n_before
    assert trainer.n_batches == 32
