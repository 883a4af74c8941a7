"""What rounding took from a line, or gave it, is settled in the next cycle."""

from hypothesis import given
from hypothesis import strategies as st

from server.cycles.carrying import carried


@given(st.integers(-1000, 1000), st.integers(0, 10**9), st.integers(0, 10**6))
def test_carry_is_never_more_than_a_pack_and_fades_where_grants_meet_the_entitlement(before, entitled, granted):
    after = carried(before, entitled, granted)
    assert -1000 <= after <= 1000
    met = carried(before, granted * 1000, granted)
    assert abs(met) <= abs(before) * 0.98
    assert met * before >= 0


def test_what_rounding_took_is_owed_in_the_next_cycle():
    assert carried(0, 2_400, 2) == 400
    assert carried(400, 2_400, 3) == -208
    assert carried(-1000, 0, 0) == -980
