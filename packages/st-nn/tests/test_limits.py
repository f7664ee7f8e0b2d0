"""Numbers that tables are looked up with are checked where they enter; kernels only clamp."""

import numpy as np
import pytest

from st.core.backend import spec
from st.nn import ops
from st.nn.host import BatchError
from st.nn.losses import CrossEntropy
from st.nn.model import Model
from st.nn.modules import Embedding, Flatten, Linear, Module, Scope
from st.nn.numpy_backend import NumPyBackend
from st.nn.optim import Adam
from st.nn.predictor import Predictor
from st.nn.step import TrainingStep
from st.nn.tape import Tensor

LOWEST, HIGHEST = np.iinfo(np.int64).min, np.iinfo(np.int64).max


def model_of(*modules: Module, dtype: str = "int64", shape: tuple[int, ...] = (3,)) -> Model:
    return Model([(str(n), m) for n, m in enumerate(modules)], spec(shape, dtype))


def predictor(model: Model) -> Predictor:
    return Predictor(model, model.initialise(0), NumPyBackend())


@pytest.mark.parametrize("wrong", [5, -1, LOWEST, HIGHEST])
def test_number_without_a_row_is_refused_in_a_prediction(wrong: int) -> None:
    told = predictor(model_of(Embedding(n_rows=5, width=2)))
    x = np.array([[0, 1, 2], [3, wrong, 4]])

    with pytest.raises(
        BatchError, match=rf"x holds {wrong}, but the table of 0 has rows for 0 to 4"
    ):
        told(x)
    assert told(np.clip(x, 0, 4)).shape == (2, 3, 2)


def test_number_without_a_row_is_refused_in_a_step_which_changes_nothing() -> None:
    model = model_of(Embedding(n_rows=5, width=2), Flatten(), Linear(out_features=2))
    parts = model, CrossEntropy(), Adam(), NumPyBackend(), 2, model.initialise(0)
    step = TrainingStep(*parts)
    before = step.parameters()

    with pytest.raises(BatchError, match="x holds 9"):
        step.run(np.array([[0, 1, 2], [3, 9, 4]]), np.array([0, 1]))

    assert step.n_steps == 0
    assert all((step.parameters()[name] == x).all() for name, x in before.items())


@pytest.mark.parametrize("wrong", [5.0, -1.0, np.nan, np.inf])
def test_floating_number_without_a_row_is_refused(wrong: float) -> None:
    told = predictor(model_of(Embedding(n_rows=5, width=2), dtype="float32"))

    with pytest.raises(BatchError, match="but the table of 0 has rows for 0 to 4"):
        told(np.array([[0, 1, wrong]], np.float32))
    assert told(np.array([[-0.5, 4.9, 2]], np.float32)).shape == (1, 3, 2)


class Mixed(Module, frozen=True):
    """The first column names a row, the others are numbers."""

    def forward(self, x: Tensor, scope: Scope) -> Tensor:
        row = scope.apply("table", Embedding(n_rows=4, width=2), x[:, 0])
        return ops.concat([row, x[:, 1:]], 1)


def test_only_what_names_a_row_is_checked() -> None:
    told = predictor(model_of(Mixed(), dtype="float32"))

    assert told(np.array([[3, 99, -7], [0, 1, 1]], np.float32))[0, 2:].tolist() == [99, -7]
    with pytest.raises(BatchError, match=r"x holds 4.0, but the table of 0\.table"):
        told(np.array([[0, 1, 1], [4, 0, 0]], np.float32))


def test_smallest_table_of_several_decides() -> None:
    class Two(Module, frozen=True):
        def forward(self, x: Tensor, scope: Scope) -> Tensor:
            small = scope.apply("small", Embedding(n_rows=3, width=2), x.reshape(-1, 3))
            return small + scope.apply("large", Embedding(n_rows=9, width=2), x)

    with pytest.raises(BatchError, match=r"table of 0\.small has rows for 0 to 2"):
        predictor(model_of(Two()))(np.array([[3, 0, 0]]))


def test_numbers_made_inside_are_clamped() -> None:
    class Next(Module, frozen=True):
        def forward(self, x: Tensor, scope: Scope) -> Tensor:
            return scope.apply("table", Embedding(n_rows=3, width=1), x + 1)

    told = predictor(model_of(Next()))

    assert told(np.array([[0, 1, 5]]))[0, 1] == told(np.array([[0, 1, 5]]))[0, 2]


def test_model_without_tables_has_no_limits() -> None:
    assert model_of(Linear(out_features=2), dtype="float32").limits == ()
