"""A backend made from bind functions, in plain Python: the contract needs no array library."""

from array import array

import pytest

from st.core.backend import (
    Backend,
    BackendError,
    Call,
    Const,
    Plan,
    Storage,
    TableBackend,
    UnsupportedOperatorError,
    dense,
    kernels,
    spec,
)


class Floats(TableBackend):
    """float32 vectors in `array.array`; knows two operators."""

    name = "Floats"
    kind = "cpu"
    description = "lists of floats"

    def alloc(self, nbytes):
        return array("f", bytes(nbytes))

    def write(self, buffer, data, offset=0):
        memoryview(buffer).cast("B")[offset : offset + data.nbytes] = data.cast("B")

    def read(self, buffer, out, offset=0):
        out.cast("B")[:] = memoryview(buffer).cast("B")[offset : offset + out.nbytes]

    def sync(self):
        pass

    def operand(self, buffer, view):
        return memoryview(buffer)[view.offset : view.offset + view.spec.size]

    @staticmethod
    def bind_neg(call, inputs, outputs):
        (x,), (y,) = inputs, outputs

        def run():
            for n in range(len(y)):
                y[n] = -x[n]

        return run

    @staticmethod
    def bind_add(call, inputs, outputs):
        (x, z), (y,) = inputs, outputs

        def run():
            for n in range(len(y)):
                y[n] = x[n] + (z.value if isinstance(z, Const) else z[n])

        return run

    @property
    def binders(self):
        return {"neg": self.bind_neg, "add": self.bind_add}


OF = spec((3,), "float32")


@pytest.fixture
def chain():
    """y = -(-(x + 1)) with two temporaries that may not share, and one that may."""
    x, y = dense(Storage(12, "input", "x"), OF), dense(Storage(12, "output", "y"), OF)
    a, b = (dense(Storage(12, "temp", name), OF) for name in "ab")
    one = Const(1.0, spec((), "float32"))
    calls = (Call("add", (x, one), (a,)), Call("neg", (a,), (b,)), Call("neg", (b,), (y,)))
    return Plan(calls, (y,)), x.storage, y.storage, a.storage


def test_the_base_class_gives_the_whole_contract():
    backend: Backend = Floats()
    assert backend.supports(Call("neg", (), ()))


def test_a_bound_plan_computes_and_runs_again_with_new_input(chain):
    plan, x, y, _ = chain
    backend = Floats()
    memory = {x: backend.alloc(12), y: backend.alloc(12)}
    bound = backend.bind(plan, memory)
    out = array("f", bytes(12))

    for values in ([1.0, 2.0, 3.0], [-4.0, 0.0, 0.5]):
        backend.write(memory[x], memoryview(array("f", values)))
        bound.run()
        backend.read(memory[y], memoryview(out))
        assert list(out) == [v + 1 for v in values]

    assert bound.launches == ((0,), (1,), (2,))
    assert bound.n_bytes == 24


def test_keep_leaves_the_output_of_every_call_readable(chain):
    plan, x, y, a = chain
    backend = Floats()
    memory = {x: array("f", [1, 2, 3]), y: backend.alloc(12)}
    bound = backend.bind(plan, memory, keep=True)

    bound.run()

    assert list(bound.memory[a]) == [2.0, 3.0, 4.0]


def test_a_trace_hears_every_launch_in_order_on_one_clock(chain):
    plan, x, y, _ = chain
    backend = Floats()
    bound = backend.bind(plan, {x: backend.alloc(12), y: backend.alloc(12)})
    heard = []

    bound.run(lambda *record: heard.append(record))

    assert [n for n, _, _ in heard] == [0, 1, 2]
    times = [t for _, start, end in heard for t in (start, end)]
    assert times == sorted(times)


def test_an_operator_nobody_has_is_an_error_that_names_it(chain):
    plan, x, y, _ = chain
    backend = Floats()
    call = Call("tanh", plan.calls[0].inputs[:1], plan.outputs, where="mlp.2")

    assert not backend.supports(call)
    with pytest.raises(UnsupportedOperatorError, match=r"Floats: Call\(tanh: .* at mlp.2\)"):
        backend.launch(call, {x: backend.alloc(12), y: backend.alloc(12)})
    assert issubclass(UnsupportedOperatorError, BackendError)


def test_a_plugin_kernel_runs_like_a_built_in_until_its_handle_closes(chain):
    plan, x, y, _ = chain
    backend = Floats()
    call = Call("double", plan.calls[0].inputs[:1], plan.outputs)
    memory = {x: array("f", [1, 2, 3]), y: backend.alloc(12)}

    def bind_double(call, inputs, outputs):
        return lambda: outputs[0].__setitem__(slice(None), array("f", [2 * v for v in inputs[0]]))

    with kernels.register("double", "floats", bind_double):
        backend.launch(call, memory)
        assert list(memory[y]) == [2.0, 4.0, 6.0]
    assert not backend.supports(call)


class Heard:
    """A topic as the event bus hands out: `record` is None when nobody listens."""

    record = None


def test_eager_launches_are_told_only_while_somebody_listens(chain):
    plan, x, y, _ = chain
    topic = Heard()
    backend = Floats(topic)
    call = Call("neg", plan.calls[0].inputs[:1], plan.outputs, where="here")
    memory = {x: backend.alloc(12), y: backend.alloc(12)}
    told = []

    backend.launch(call, memory)
    topic.record = told.append
    backend.launch(call, memory)

    ((op, shapes, start, end, name, where),) = told
    assert (op, shapes, name, where) == ("neg", ((3,),), "Floats", "here")
    assert start <= end
