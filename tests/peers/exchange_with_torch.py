"""Arrays of PyTorch are used where they lie, and ours are by PyTorch.

tox -e peers
"""

import gc

import numpy as np
import pytest
import torch

from st.nn import ops
from st.nn.numpy_backend import NumPyBackend
from st.nn.tape import HostMemoryError, Tape, from_dlpack


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int32, torch.int64])
@pytest.mark.parametrize(
    "part",
    [lambda t: t, lambda t: t.T, lambda t: t[1:, ::2], lambda t: t[2]],
    ids=["whole", "transposed", "sliced", "row"],
)
def test_tensor_is_used_where_it_lies(part, dtype) -> None:
    whole = torch.arange(24, dtype=dtype).reshape(4, 6)

    x = from_dlpack(Tape(NumPyBackend()), part(whole), copy=False)
    whole += 100

    np.testing.assert_array_equal(x.numpy(), part(whole).numpy())
    np.testing.assert_array_equal(ops.sum(x).numpy(), part(whole).sum().numpy())


def test_memory_of_a_tensor_lives_as_long_as_the_value() -> None:
    tape = Tape(NumPyBackend())
    x = from_dlpack(tape, torch.arange(100_000.0), copy=False)

    gc.collect()
    scattered = [torch.zeros(100_000) for _ in range(4)]

    assert ops.sum(x).item() == pytest.approx(sum(range(100_000)), rel=1e-5)
    assert len(scattered) == 4


def test_value_is_written_where_the_tensor_lies() -> None:
    tensor = torch.zeros(3)
    tape = Tape(NumPyBackend())

    x = from_dlpack(tape, tensor)
    ops.add(x, 2.0, out=x)

    assert tensor.tolist() == [2, 2, 2]
    assert torch.from_dlpack(x * 3.0).tolist() == [6, 6, 6]


def test_tensor_with_a_gradient_is_refused_with_what_to_do() -> None:
    with pytest.raises(HostMemoryError, match=r"use tensor\.detach"):
        from_dlpack(Tape(NumPyBackend()), torch.ones(2, requires_grad=True))
