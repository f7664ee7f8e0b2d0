"""What is told about plans: launches that cover several calls, operations, bytes."""

from types import SimpleNamespace

from st.core.backend import Call, Const, Plan, Storage, View, dense, spec
from st.nn.explain import explain, n_flops, n_moved, told

F32 = "float32"


def value(*shape: int) -> View:
    of = spec(shape, F32)
    return dense(Storage(of.nbytes, "temp"), of)


def test_fused_launch_names_every_operator_and_place_it_covers() -> None:
    x, y, z = value(3), value(3), value(3)
    calls = (
        Call("exp", (x,), (y,), where="1"),
        Call("neg", (y,), (z,), where="1"),
        Call("tanh", (z,), (x,), where="2"),
    )
    executable = SimpleNamespace(launches=[(0, 1), (2,)], n_bytes=0)

    assert told(Plan(calls, ()), executable) == (  # type: ignore[arg-type]  # what is looked at
        ("exp+neg", ((3,),), "1"),
        ("tanh", ((3,),), "2"),
    )


def test_operations_of_a_product_are_two_for_each_pair() -> None:
    call = Call("matmul", (value(2, 3, 4), value(2, 4, 5)), (value(2, 3, 5),))

    assert n_flops(call) == 2 * 2 * 3 * 4 * 5


def test_convolution_and_its_gradients_are_the_same_product() -> None:
    x, kernel, y = value(2, 8, 8, 3), value(3, 3, 3, 5), value(2, 6, 6, 5)
    calls = (
        Call("conv2d", (x, kernel), (y,)),
        Call("conv2d_input_gradient", (y, kernel), (x,)),
        Call("conv2d_kernel_gradient", (x, y), (kernel,)),
    )

    assert [n_flops(call) for call in calls] == [2 * (2 * 6 * 6) * (3 * 3 * 3) * 5] * 3


def test_copies_are_no_operations() -> None:
    assert n_flops(Call("copy", (value(8),), (value(8),))) == 0
    assert n_flops(Call("sum", (value(8),), (value(),), (("axes", (0,)),))) == 8


def test_broadcast_axis_is_read_once() -> None:
    row = value(5)
    repeated = View(row.storage, spec((100, 5), F32), (0, 1))

    call = Call("add", (value(100, 5), repeated), (value(100, 5),))

    assert n_moved(call) == 4 * (500 + 5 + 500)
    assert n_moved(Call("copy", (Const(0.0, spec((), F32)),), (value(7),))) == 28


def test_empty_values_move_nothing() -> None:
    assert n_moved(Call("neg", (value(0, 3),), (value(0, 3),))) == 0


def test_explanation_has_a_line_for_each_operator_and_the_sum() -> None:
    x, y = value(4, 4), value(4, 4)
    plan = Plan((Call("exp", (x,), (y,)), Call("matmul", (x, y), (x,))), ())
    executable = SimpleNamespace(launches=[(0,), (1,)], n_bytes=64)

    lines = explain(plan, executable).splitlines()  # type: ignore[arg-type]  # what is looked at

    assert [line.split()[0] for line in lines] == ["operator", "exp", "matmul", "all", "2"]
    assert lines[3].split() == ["all", "2", "320", "144"]
    assert "64 bytes, 128 if none were shared" in lines[4]
