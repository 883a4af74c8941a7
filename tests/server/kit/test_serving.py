"""A process that has settled: what is there by then costs no collection of garbage any more."""

import gc

from server.kit import serving


def test_what_is_there_when_a_server_settles_is_looked_at_no_more():
    before = gc.get_threshold()
    try:
        serving.settle()
        assert gc.get_freeze_count() > gc.get_count()[0]
        assert gc.get_threshold() == (serving.OBJECTS_BETWEEN, *before[1:])
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
