"""Many draws at once are the draws of RFC 2104 and FIPS 180-4, one by one."""

import hmac

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from allocation.filling.lottery import drawing
from allocation.hashing.line_bytes import Pool

pytest.importorskip("numba", reason="numba is not installed")

KEY = bytes(range(32))


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    st.text(min_size=1, max_size=20),
    st.lists(st.tuples(st.text(min_size=1, max_size=70), st.integers(1, 2**62)), min_size=1, max_size=40),
)
@example("K", [("r" * length, 7) for length in range(40, 130)])
def test_draws_at_once_are_those_one_by_one(sku, units):
    from allocation.filling.draw_kernels import draws  # noqa: PLC0415  # imports numba

    pool = Pool.of_texts([name for name, _ in units])
    n = np.array([number for _, number in units], dtype=np.int64)

    digests = draws(KEY, sku.encode(), pool.content, pool.starts, np.arange(len(n)), n)

    one_by_one = [drawing(KEY)(sku, name, number) for name, number in units]
    assert [row.astype(">u4").tobytes() for row in digests] == one_by_one
    message = f"{sku}\x1f{units[0][0]}\x1f{units[0][1]}".encode()
    assert one_by_one[0] == hmac.digest(KEY, message, "sha256")
