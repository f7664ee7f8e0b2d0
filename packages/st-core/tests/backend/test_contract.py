"""The types of a plan."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from st.core.backend import (
    DTYPES,
    REQUIRED,
    SIGNATURES,
    Call,
    Const,
    Storage,
    View,
    check_call,
    dense,
    dense_strides,
    spec,
)


def test_equal_specs_are_the_same_object():
    assert spec((2, 3), "float32") is spec([2, 3], "float32")
    assert spec((2, 3), "float32") is not spec((3, 2), "float32")


@pytest.mark.parametrize(("shape", "dtype"), [((2,), "float16"), ((-1,), "float32")])
def test_a_spec_outside_the_vocabulary_is_refused(shape, dtype):
    with pytest.raises(ValueError, match=r"float16|-1"):
        spec(shape, dtype)


def test_two_storages_of_equal_fields_are_two():
    assert Storage(8, "temp") != Storage(8, "temp")


@given(st.lists(st.integers(0, 5), max_size=4))
def test_dense_strides_address_every_element_once(shape):
    strides = dense_strides(shape)
    view = dense(Storage(0, "temp"), spec(shape, "int32"))
    addresses = [0]
    for axis, stride in zip(shape, strides, strict=True):
        addresses = [a + i * stride for a in addresses for i in range(axis)]

    assert addresses == list(range(view.spec.size))
    assert view.is_dense


def test_a_transposed_or_broadcast_view_is_not_dense():
    storage = Storage(24, "temp")
    assert not View(storage, spec((3, 2), "float32"), (1, 3)).is_dense
    assert not View(storage, spec((3, 2), "float32"), (0, 1)).is_dense
    assert View(storage, spec((1, 2), "float32"), (77, 1)).is_dense


def test_a_call_says_what_it_does():
    x = dense(Storage(8, "input"), spec((2,), "float32"))
    call = Call("sum", (x,), (dense(Storage(4, "temp"), spec((), "float32")),), (("axes", (0,)),))

    assert call.attr("axes") == (0,)
    with pytest.raises(KeyError, match="sum has no attribute 'axis'"):
        call.attr("axis")
    assert repr(call) == "Call(sum: float32(2) -> float32() axes=(0,))"


def test_the_vocabulary_holds_the_required_operators():
    assert set(REQUIRED) <= set(SIGNATURES)
    assert len(REQUIRED) == 22


def one(shape, dtype="float32"):
    return dense(Storage(spec(shape, dtype).nbytes, "temp"), spec(shape, dtype))


def drawn(given, made, stream=0):
    return Call("philox", (given,), (made,), (("stream", stream),))


@pytest.mark.parametrize(
    ("call", "fault"),
    [
        (Call("ad", (one(()),), (one(()),)), "unknown operator 'ad'"),
        (Call("add", (one(()),), (one(()),)), "takes 2 inputs, got 1"),
        (Call("neg", (one(()),), ()), "makes 1 outputs, got 0"),
        (Call("sum", (one((2,)),), (one(()),)), "needs the attribute 'axes'"),
        (Call("neg", (one((2,)),), (one((3,)),)), "input float32(2)"),
        (Call("add", (one((2,)), Const(1.0, spec((), "float32"))), (one((2,)),)), None),
        (Call("philox", (one((2,), "uint64"),), (one((5,), "uint64"),)), "attribute 'stream'"),
        (drawn(one((2,), "int64"), one((5,), "uint64")), "a view uint64(2), got int64(2)"),
        (drawn(Const(1, spec((), "uint64")), one((5,), "uint64")), "a view uint64(2)"),
        (drawn(one((2,), "uint64"), one((5,), "int64")), "an output int64(5)"),
        (drawn(one((2,), "uint64"), one((5,), "uint64"), 1 << 64), "got 18446744073709551616"),
        (drawn(one((2,), "uint64"), one((), "uint64"), (1 << 64) - 1), None),
    ],
    ids=[
        "name",
        "inputs",
        "outputs",
        "attribute",
        "shape",
        "right",
        "random-without-stream",
        "random-from-signed",
        "random-from-constant",
        "random-to-signed",
        "random-stream-too-large",
        "random-right",
    ],
)
def test_a_malformed_call_is_described(call, fault):
    found = check_call(call)
    assert found is None if fault is None else fault in found


def test_every_dtype_has_the_size_numpy_gives_it():
    import struct

    codes = {"float32": "f", "float64": "d", "int32": "i", "int64": "q"}
    codes |= {"uint32": "I", "uint64": "Q", "bool": "?"}
    assert {name: struct.calcsize(code) for name, code in codes.items()} == dict(DTYPES)
