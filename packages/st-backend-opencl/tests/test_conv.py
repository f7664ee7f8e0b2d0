"""Convolution, its gradients and pooling against float64 loops over the places in a window."""

from typing import Any

import numpy as np
import pytest

from st.backend.opencl.conv import is_supported
from st.core.backend import Call, Storage, dense, spec

Pair = tuple[int, int]

CASES = {
    "3x3": ((2, 9, 8, 5), (3, 3, 5, 7), (1, 1), (1, 1), (1, 1)),
    "no-padding": ((1, 6, 5, 3), (2, 3, 3, 4), (1, 1), (0, 0), (1, 1)),
    "stride": ((2, 9, 9, 4), (3, 3, 4, 6), (2, 1), (1, 0), (1, 1)),
    "dilation": ((2, 11, 10, 3), (3, 2, 3, 5), (1, 1), (1, 1), (2, 3)),
    "one-channel": ((3, 28, 28, 1), (3, 3, 1, 16), (1, 1), (1, 1), (1, 1)),
    "1x1": ((2, 5, 5, 6), (1, 1, 6, 3), (1, 1), (0, 0), (1, 1)),
    "wide": ((1, 14, 14, 64), (3, 3, 64, 64), (1, 1), (1, 1), (1, 1)),
    "whole-image": ((4, 6, 6, 3), (6, 6, 3, 130), (1, 1), (0, 0), (1, 1)),
    "nothing": ((0, 6, 6, 3), (3, 3, 3, 2), (1, 1), (1, 1), (1, 1)),
}


def places(shape: Any, size: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Any:
    """Yield each place in a window, with the slices of a padded image that it covers."""
    rows, columns = (
        (n + 2 * p - (k - 1) * d - 1) // s + 1
        for n, k, s, p, d in zip(shape[1:3], size, stride, padding, dilation, strict=True)
    )
    for i in range(size[0]):
        for j in range(size[1]):
            top, left = i * dilation[0], j * dilation[1]
            yield (
                (i, j),
                (
                    slice(None),
                    slice(top, top + (rows - 1) * stride[0] + 1, stride[0]),
                    slice(left, left + (columns - 1) * stride[1] + 1, stride[1]),
                ),
            )


def framed(x: Any, padding: Pair) -> Any:
    return np.pad(x.astype("f8"), ((0, 0), (padding[0],) * 2, (padding[1],) * 2, (0, 0)))


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, numbers: Any) -> Any:
    """Images, a kernel, the exact result, a gradient of it, and the attributes."""
    shape, size, stride, padding, dilation = CASES[request.param]
    x, kernel = (numbers.standard_normal(each).astype("f4") for each in (shape, size))
    steps = (stride, padding, dilation)
    exact = sum(
        framed(x, padding)[where] @ kernel[at].astype("f8")
        for at, where in places(shape, size[:2], *steps)
    )
    dy = numbers.standard_normal(exact.shape).astype("f4")
    attrs = {"stride": stride, "padding": padding, "dilation": dilation, "groups": 1}
    return x, kernel, exact, dy, attrs, list(places(shape, size[:2], *steps))


def test_convolution_is_close_to_the_exact_one(run: Any, case: Any) -> None:
    x, kernel, exact, _, attrs, _ = case

    got = run("conv2d", x, kernel, shape=exact.shape, dtype="float32", **attrs)

    np.testing.assert_allclose(got, exact, rtol=0, atol=2e-6 * kernel[..., 0].size)


def test_kernel_gradient_is_close_to_the_exact_one(run: Any, case: Any) -> None:
    x, kernel, _, dy, attrs, where = case
    exact = np.zeros(kernel.shape)
    for at, window in where:
        exact[at] = np.einsum("nrci,nrco->io", framed(x, attrs["padding"])[window], dy)

    got = run("conv2d_kernel_gradient", x, dy, shape=exact.shape, dtype="float32", **attrs)

    np.testing.assert_allclose(got, exact, rtol=0, atol=4e-6 * max(dy[..., 0].size, 1))


def test_input_gradient_is_close_to_the_exact_one(run: Any, case: Any) -> None:
    x, kernel, _, dy, attrs, where = case
    if attrs["stride"] != (1, 1):
        return  # decomposed, see below
    exact = framed(np.zeros(x.shape), attrs["padding"])
    for at, window in where:
        exact[window] += dy.astype("f8") @ kernel[at].astype("f8").T
    (above, aside), (_, height, width, _) = attrs["padding"], x.shape
    exact = exact[:, above : above + height, aside : aside + width]

    got = run("conv2d_input_gradient", dy, kernel, shape=x.shape, dtype="float32", **attrs)

    np.testing.assert_allclose(got, exact, rtol=0, atol=4e-6 * kernel.size)


def _call(op: str, x: Any, y: Any, shape: Any, attrs: Any) -> Call:
    views = [dense(Storage(z.nbytes, "input"), spec(z.shape, "float32")) for z in (x, y)]
    out = dense(Storage(4, "output"), spec(shape, "float32"))
    return Call(op, tuple(views), (out,), tuple(attrs.items()))


@pytest.mark.parametrize(
    ("attrs", "is_ours"),
    [
        ({"groups": 1, "stride": (1, 1)}, True),
        ({"groups": 2, "stride": (1, 1)}, False),
        ({"groups": 1, "stride": (2, 1)}, False),
        ({"groups": 1, "stride": (1, 1), "padding": (3, 0)}, False),
    ],
    ids=["plain", "groups", "stride", "padding"],
)
def test_other_input_gradients_are_decomposed(attrs: Any, is_ours: bool) -> None:
    x, kernel = np.zeros((1, 5, 5, 4), "f4"), np.zeros((3, 3, 4, 4), "f4")
    given = {"padding": (0, 0), "dilation": (1, 1), **attrs}

    assert is_supported(_call("conv2d_input_gradient", x, kernel, x.shape, given)) is is_ours


@pytest.mark.parametrize(("stride", "dilation"), [((1, 1), (1, 1)), ((2, 3), (1, 2))], ids=str)
def test_windows_are_added_where_they_came_from(
    run: Any, numbers: Any, stride: Pair, dilation: Pair
) -> None:
    shape = (2, 9, 11, 19)
    where = list(places(shape, (2, 3), stride, (0, 0), dilation))
    counts = np.zeros(shape)[where[0][1]].shape[1:3]
    seen = numbers.standard_normal((2, *counts, 2, 3, 19)).astype("f4")
    exact = np.zeros(shape)
    for (i, j), window in where:
        exact[window] += seen[:, :, :, i, j]

    attrs = {"stride": stride, "dilation": dilation}
    got = run("overlap_add", seen, shape=shape, dtype="float32", **attrs)

    np.testing.assert_allclose(got, exact, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("op", ["sum", "max"])
@pytest.mark.parametrize("channels", [1, 16, 19])
def test_windows_are_pooled_where_they_lie(run: Any, numbers: Any, op: str, channels: int) -> None:
    x = numbers.standard_normal((3, 8, 6, channels)).astype("f4")
    view = x.reshape(3, 4, 2, 2, 3, channels).transpose(0, 1, 3, 2, 4, 5)

    got = run(op, view, shape=(3, 4, 2, channels), dtype="float32", axes=(3, 4))

    np.testing.assert_allclose(got, getattr(view.astype("f8"), op)((3, 4)), rtol=1e-6, atol=1e-6)
