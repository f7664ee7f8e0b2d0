"""Sharing of temporaries."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from st.core.backend import Call, Lifetime, Storage, dense, lifetimes, share, spec


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 10), st.integers(0, 1000)), max_size=30)
)
def test_storages_alive_at_once_never_share_and_always_fit(drawn):
    lives = {
        Storage(size, "temp", f"t{n}"): Lifetime(first, first + length)
        for n, (first, length, size) in enumerate(drawn)
    }

    slots, sizes = share(lives)

    for a, x in lives.items():
        assert sizes[slots[a]] >= a.nbytes
        for b, y in lives.items():
            if a is not b and x.first <= y.last and y.first <= x.last:
                assert slots[a] != slots[b]


def test_a_chain_of_equal_temporaries_needs_two_slots():
    of = spec((4,), "float32")
    views = [dense(Storage(16, "temp", f"t{n}"), of) for n in range(10)]
    calls = [Call("neg", (a,), (b,)) for a, b in pairwise(views)]

    slots, sizes = share(lifetimes([call] for call in calls))

    assert sizes == [16, 16]
    assert len(slots) == 10


def test_only_temporaries_have_a_lifetime_and_groups_count_as_one_launch():
    of = spec((), "float32")
    x, t, y = (dense(Storage(4, role), of) for role in ("input", "temp", "output"))
    calls = [Call("neg", (x,), (t,)), Call("exp", (t,), (y,))]

    assert lifetimes([calls]) == {t.storage: Lifetime(0, 0)}
    assert lifetimes([[calls[0]], [], [calls[1]]]) == {t.storage: Lifetime(0, 2)}
