"""The words every backend has to draw are those of the publication."""

import numpy as np
import pytest

from st.core.testing.backend.words import drawn

PUBLISHED = ["16554d9eca36314c", "db20fe9d672d0fdc", "d7e772cee186176b", "7e68b68aec7ba23b"]
"""`kat_vectors` of Random123 1.14: "philox4x64 10" with counter and key 0."""

MULTIPLIERS = 0xD2E7470EE14C6C93, 0xCA5A826395121157
WEYL = 0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B
TOP = (1 << 64) - 1


def block(counter: list[int], key: list[int]) -> list[int]:
    """Return one block of Philox4x64-10 as Salmon et al. 2011 define it, section 3.3."""
    c, k = list(counter), list(key)
    for _ in range(10):
        high, low = zip(
            *(divmod(m * x, 1 << 64) for m, x in zip(MULTIPLIERS, c[::2], strict=True)),
            strict=True,
        )
        c = [high[1] ^ c[1] ^ k[0], low[1], high[0] ^ c[3] ^ k[1], low[0]]
        k = [(x + w) & TOP for x, w in zip(k, WEYL, strict=True)]
    return c


def test_first_block_is_the_published_one():
    case = drawn("zero", np.zeros(2, np.uint64), 0, (4,))

    assert [f"{word:016x}" for word in case.expected.tolist()] == PUBLISHED
    assert block([0, 0, 0, 0], [0, 0]) == case.expected.tolist()


@pytest.mark.parametrize(
    ("seed", "step", "stream"), [(1, 2, 3), (TOP, TOP, TOP), (1 << 63, 0, 9)], ids=str
)
def test_words_follow_block_after_block(seed, step, stream):
    case = drawn("some", np.array([seed, step], np.uint64), stream, (11,))

    blocks = [block([n, 0, step, 0], [seed, stream]) for n in range(3)]

    assert case.expected.tolist() == [word for words in blocks for word in words][:11]
