"""Running state and random numbers in a step: plan against eager, batches, resuming, prediction."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from st.core.backend import spec
from st.nn import ops
from st.nn.flat import ParameterError
from st.nn.init import Constant, ones, zeros
from st.nn.losses import CrossEntropy
from st.nn.model import Model
from st.nn.modules import Linear, Module, Scope
from st.nn.numpy_backend import NumPyBackend
from st.nn.optim import SGD, Adam
from st.nn.predictor import Predictor
from st.nn.step import SeedError, TrainingStep
from st.nn.tape import OperandError, ShapeError, Tensor
from st.nn.variables import ParameterConflictError

X = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
Y = np.array([0, 1, 1, 0, 1, 0])


class Centre(Module, frozen=True):
    """Takes the running mean away; half of the new mean comes to half of the old."""

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        mean = scope.state("mean", x.shape[1:], zeros())
        scope.assign("mean", mean * 0.5 + ops.mean(x, 0) * 0.5)
        return x - scope.state("mean", x.shape[1:], zeros())


class Noise(Module, frozen=True):
    """Leaves out half of the numbers while it trains."""

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        return ops.dropout(x, scope.random(x.shape), 0.5) if scope.training else x


class Exchange(Module, frozen=True):
    """Two states that change places, and one that follows a parameter."""

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        a, b = scope.state("a", (2,), Constant(1.0)), scope.state("b", (2,), Constant(2.0))
        w = scope.parameter("w", (1,), ones())
        scope.state("before", (1,), zeros())
        scope.assign("a", b)
        scope.assign("b", a)
        scope.assign("before", w)
        return x * w


def model_of(*modules: Module) -> Model:
    return Model([(str(n), m) for n, m in enumerate(modules)], spec((3,), "float32"))


def made(*modules: Module, seed: int = 7, batch_size: int = 6) -> TrainingStep:
    model = model_of(*(modules or (Centre(), Noise(), Linear(out_features=2), Noise())))
    parts = model, CrossEntropy(), Adam(lr=0.05), NumPyBackend(), batch_size, model.initialise(1)
    return TrainingStep(*parts, seed=seed)


def same(a: dict[str, NDArray[Any]], b: dict[str, NDArray[Any]]) -> bool:
    return list(a) == list(b) and all(a[name].tobytes() == b[name].tobytes() for name in a)


def test_model_tells_state_from_parameters() -> None:
    model = model_of(Centre(), Linear(out_features=2))

    assert list(model.parameters) == ["1.weight", "1.bias"]
    assert list(model.states) == ["0.mean"]
    assert list(model.initialise(0)) == ["1.weight", "1.bias", "0.mean"]
    assert [layer.n_parameters for layer in model.layers] == [0, 8]


def test_running_state_follows_every_step() -> None:
    step = made(Centre(), Linear(out_features=2))
    expected = np.zeros(3)
    for _ in range(3):
        step.run(X, Y)
        expected = expected / 2 + X.mean(0) / 2

    np.testing.assert_allclose(step.parameters()["0.mean"], expected, rtol=1e-6)


def test_plan_with_state_and_random_numbers_equals_eager_bit_for_bit() -> None:
    step = made()
    for _ in range(3):
        assert step.check(X, Y) == 0.0
        step.run(X, Y)


def test_check_leaves_running_state_as_it_was() -> None:
    step = made()
    step.run(X, Y)
    before = step.parameters()

    step.check(X, Y)
    step.check_finite(X, Y)

    assert same(step.parameters(), before)


def test_batch_sizes_share_running_state() -> None:
    step = made(Centre(), Linear(out_features=2))

    step.run(X, Y)
    step.run(X[:2], Y[:2])

    expected = X.mean(0) / 4 + X[:2].mean(0) / 2
    np.testing.assert_allclose(step.parameters()["0.mean"], expected, rtol=1e-6)


def test_states_that_change_places_do_so_at_once() -> None:
    step = made(Exchange(), Linear(out_features=2))
    step.check(X, Y)

    step.run(X, Y)

    kept = step.parameters()
    assert (kept["0.a"].tolist(), kept["0.b"].tolist()) == ([2, 2], [1, 1])


def test_state_that_follows_a_parameter_has_its_value_before_the_step() -> None:
    step = made(Exchange(), Linear(out_features=2))

    step.run(X, Y)

    assert step.parameters()["0.before"].tolist() == [1.0]
    assert step.parameters()["0.w"].tolist() != [1.0]


def test_derivative_sees_the_state_the_step_began_with() -> None:
    class Scaled(Module, frozen=True):
        def forward(self, x: Tensor, scope: Scope) -> Tensor:
            scale = scope.state("scale", (), Constant(3.0))
            y = scope.parameter("w", (3,), zeros()) * scale
            scope.assign("scale", scale * 100.0)
            return x + y

    model = model_of(Scaled())
    first = model.initialise(0)
    step = TrainingStep(model, CrossEntropy(), SGD(lr=1.0), NumPyBackend(), 6, first)

    step.run(np.zeros((6, 3), np.float32), np.zeros(6, np.int64))

    # The gradient of the logits is softmax - one hot: 1/3 - 1, 1/3, 1/3.
    np.testing.assert_allclose(step.parameters()["0.w"], [2, -1, -1], rtol=1e-6)


def test_seed_and_step_decide_what_is_drawn() -> None:
    first, again, other = made(seed=7), made(seed=7), made(seed=2**64 - 1)
    for step in (first, again, other):
        step.run(X, Y)

    assert same(first.parameters(), again.parameters())
    assert not same(first.parameters(), other.parameters())


def test_model_that_draws_is_given_a_seed() -> None:
    model = model_of(Noise(), Linear(out_features=2))
    parts = model, CrossEntropy(), Adam(), NumPyBackend(), 6, model.initialise(1)

    with pytest.raises(SeedError, match=r"'model' draws random numbers .* pass the run's seed"):
        TrainingStep(*parts)
    assert TrainingStep(*parts, seed=0).seed == 0


def test_every_draw_of_a_step_and_every_step_is_another() -> None:
    seen = []

    class Kept(Module, frozen=True):
        def forward(self, x: Tensor, scope: Scope) -> Tensor:
            for name in "ab":
                drawn = ops.cast(scope.random((3,)), "float32")
                scope.state(name, (3,), zeros())
                scope.assign(name, drawn)
            return x

    class KeptInTraining(Kept, frozen=True):
        def forward(self, x: Tensor, scope: Scope) -> Tensor:
            return super().forward(x, scope) if scope.training else x

    step = made(KeptInTraining(), Linear(out_features=2))
    for _ in range(2):
        step.run(X, Y)
        seen += [step.parameters()[f"0.{name}"].tobytes() for name in "ab"]

    assert len(set(seen)) == 4


def test_step_goes_on_where_another_stopped() -> None:
    whole, first, second = made(), made(), made()
    for _ in range(5):
        whole.run(X, Y)
    for _ in range(2):
        first.run(X, Y)

    second.load_parameters(first.parameters())
    second.load_state(first.state())
    for _ in range(3):
        second.run(X, Y)

    assert same(second.parameters(), whole.parameters())
    assert same(second.state(), whole.state())


def test_parameters_without_running_state_are_refused() -> None:
    step = made(Centre(), Linear(out_features=2))
    given = {name: x for name, x in step.parameters().items() if name != "0.mean"}
    before = step.parameters()

    with pytest.raises(ParameterError, match=r"'0\.mean' is missing"):
        step.load_parameters({**given, "1.bias": np.ones(2, np.float32)})
    assert same(step.parameters(), before)


def test_prediction_takes_running_state_as_it_is() -> None:
    model = model_of(Centre(), Noise())
    predictor = Predictor(model, {"0.mean": np.array([1, 2, 3], np.float32)}, NumPyBackend())

    for _ in range(2):
        np.testing.assert_array_equal(predictor(X), X - np.array([1, 2, 3], np.float32))


def test_random_numbers_in_a_prediction_are_refused_before_anything_is_trained() -> None:
    class Always(Module, frozen=True):
        def forward(self, x: Tensor, scope: Scope) -> Tensor:
            return ops.dropout(x, scope.random(x.shape), 0.5)

    with pytest.raises(OperandError, match=r"1 \(always\): asked for random numbers in a predict"):
        model_of(Centre(), Always())


def test_what_only_a_prediction_asks_for_is_refused() -> None:
    class Late(Module, frozen=True):
        def forward(self, x: Tensor, scope: Scope) -> Tensor:
            return x if scope.training else x + scope.state("late", (3,), zeros())

    with pytest.raises(ParameterConflictError, match=r"running state '0\.late' was not asked for"):
        model_of(Late())


def test_prediction_of_another_shape_is_refused() -> None:
    class Narrow(Module, frozen=True):
        def forward(self, x: Tensor, scope: Scope) -> Tensor:
            return x if scope.training else x[:, :2]

    with pytest.raises(
        ShapeError, match=r"gives float32\(3\) in training and float32\(2\) in pred"
    ):
        model_of(Narrow())


class Wrong(Module, frozen=True):
    """Asks for one thing and does another."""

    how: str

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        if self.how == "unknown":
            scope.assign("s", x)
        elif self.how == "shape":
            scope.state("s", (2,), zeros())
            scope.assign("s", x)
        elif self.how == "trained":
            scope.parameter("s", (3,), zeros())
            scope.assign("s", scope.parameter("s", (3,), zeros()))
        else:
            scope.parameter("s", (3,), zeros())
            scope.state("s", (3,), zeros())
        return x


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("unknown", r"'0\.s' is assigned but was never asked for as state"),
        ("shape", r"'0\.s' is float32\(2\) and was assigned float32\(7,3\)"),
        ("trained", r"'0\.s' is assigned but was never asked for as state"),
        ("both", r"parameter '0\.s' is \(3,\) and was asked for as running state \(3,\)"),
    ],
)
def test_state_used_wrongly_is_refused(how: str, message: str) -> None:
    with pytest.raises(ParameterConflictError, match=message):
        model_of(Wrong(how=how))
