import threading

from st.core.gate import Gate


def test_closing_waits_for_who_is_inside() -> None:
    gate = Gate()
    inside, leave = threading.Event(), threading.Event()

    def visit() -> None:
        with gate:
            inside.set()
            leave.wait()

    visitor = threading.Thread(target=visit)
    visitor.start()
    inside.wait()

    assert gate.close(timeout_s=0.01) is False
    leave.set()
    visitor.join()
    assert gate.close(timeout_s=1.0) is True
    gate.open()


def test_newcomers_wait_until_it_opens() -> None:
    gate = Gate()
    order: list[str] = []
    at_gate = threading.Event()

    def visit() -> None:
        at_gate.set()
        with gate:
            order.append("in")

    assert gate.close(timeout_s=0)
    visitor = threading.Thread(target=visit)
    visitor.start()
    at_gate.wait()
    order.append("opening")
    gate.open()
    visitor.join()

    assert order == ["opening", "in"]


def test_the_thread_that_closed_it_passes_and_so_does_who_is_inside() -> None:
    gate = Gate()

    with gate, gate:
        assert gate.close(timeout_s=0)
        with gate:
            pass
        gate.open()


def test_two_cannot_have_it_closed() -> None:
    gate = Gate()
    closed: list[bool] = []
    assert gate.close(timeout_s=0)

    other = threading.Thread(target=lambda: closed.append(gate.close(timeout_s=0.01)))
    other.start()
    other.join()

    assert closed == [False]
    gate.open()


def test_who_is_inside_may_enter_again_while_it_is_being_closed() -> None:
    gate = Gate()
    inside, closing = threading.Event(), threading.Event()
    done: list[str] = []

    def visit() -> None:
        with gate:
            inside.set()
            closing.wait()
            while gate._owner is None:  # the other thread is on its way into close()
                pass
            with gate:
                done.append("again")

    visitor = threading.Thread(target=visit)
    visitor.start()
    inside.wait()
    closing.set()

    assert gate.close(timeout_s=30) is True
    assert done == ["again"]
    gate.open()
    visitor.join()
