"""Wilson intervals against the figures of Newcombe (1998), Statistics in Medicine 17:857–872."""

import pytest

from qiutong.overlap import wilson_interval


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_interval_is_that_of_newcombe_table_1(count, total, low, high):
    """Method 3 (score, without continuity correction) of Table I, to the four places printed."""
    share = wilson_interval(count, total)

    assert round(share.low, 4) == low
    assert round(share.high, 4) == high
    assert share.value == count / total
    assert (share.count, share.total, share.level) == (count, total, 0.95)
