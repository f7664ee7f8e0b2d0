"""Convolution a few images at a time, against the one made of required operators."""

import numpy as np
import pytest
from numpy.typing import NDArray

from st.core.backend import Backend
from st.nn import ops
from st.nn.numpy_backend import NumPyBackend
from st.nn.numpy_backend.convolution import BAND_BYTES, STRIP_BYTES, Columns
from st.nn.tape import Tape, gradients
from st.nn.testing.required import RequiredOnly

Options = dict[str, int | tuple[int, int]]


def filtered(
    backend: Backend, x: NDArray[np.float64], kernel: NDArray[np.float64], options: Options
) -> list[NDArray[np.float64]]:
    """Return the convolution and both of its gradients."""
    tape = Tape(backend)
    given = [tape.input(x), tape.input(kernel)]
    made = ops.conv2d(*given, **options)  # type: ignore[arg-type]  # options of several types
    found = gradients(ops.sum(made * made), given)
    return [value.numpy() for value in (made, *found) if value is not None]


@pytest.mark.parametrize(
    ("shape", "kernel", "options"),
    [
        ((50, 6, 5, 4), (3, 3, 4, 7), {"padding": 1}),
        ((7, 20, 20, 8), (3, 3, 8, 4), {"padding": (2, 0)}),
        ((2, 60, 40, 16), (5, 3, 16, 3), {}),
        ((3, 21, 21, 8), (3, 3, 8, 4), {"stride": 2, "padding": 1}),
        ((3, 30, 30, 8), (3, 3, 8, 4), {"dilation": 3, "padding": 3}),
        ((3, 8, 8, 2), (2, 2, 2, 4), {"padding": 3}),
    ],
    ids=["many-small", "uneven", "bands", "stride", "dilation", "wide-padding"],
)
def test_strips_give_what_the_whole_gives(
    shape: tuple[int, ...], kernel: tuple[int, ...], options: Options
) -> None:
    generator = np.random.default_rng(0)
    x, weights = generator.normal(size=shape), generator.normal(size=kernel)
    expected = filtered(RequiredOnly(NumPyBackend()), x, weights, options)

    found = filtered(NumPyBackend(), x, weights, options)

    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-11 * np.abs(theirs).max())


@pytest.mark.parametrize("shape", [(500, 8, 8, 4), (2, 200, 100, 16)], ids=["small", "large"])
def test_matrix_of_windows_stays_small(shape: tuple[int, ...]) -> None:
    x = np.zeros(shape, np.float32)

    parts = Columns(x, (3, 3), (1, 1)).parts

    assert max(rows.nbytes for _, rows, _ in parts) <= max(STRIP_BYTES, BAND_BYTES)
    assert [part.start for _, _, part in parts[1:]] == [part.stop for _, _, part in parts[:-1]]
    assert parts[-1][2].stop == shape[0] * shape[1] * shape[2]
