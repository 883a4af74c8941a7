"""Defects of the estimate of demand under rationing: each would starve somebody, or pay for a lie."""

from planting import Defect, Edit

CENSORING = "tests/allocation/forecasting/test_censoring.py"
ESTIMATING = "allocation/forecasting/censoring/estimating.py"
LEVELS = "allocation/forecasting/censoring/levels.py"
REQUESTS = "allocation/forecasting/censoring/requests.py"

DEFECTS = (
    Defect(
        "requests-without-a-ceiling",
        "who asks for ten times as much in a week in which all are cut is believed",
        (
            Edit(
                ESTIMATING, "np.maximum(np.minimum(said, most), sold) - supported", "np.maximum(said, sold) - supported"
            ),
        ),
        (f"{CENSORING}::test_inflating_requests_never_raises_the_estimate_above_what_sell_through_supports",),
    ),
    Defect(
        "a-little-too-much-every-week",
        "who asks for a little more than is likely in every week is believed in all of them",
        (
            Edit(
                ESTIMATING,
                "kept = 1 - np.maximum(of_line - allowed, 0)",
                "kept = 1 - 0 * np.maximum(of_line - allowed, 0)",
            ),
        ),
        (f"{CENSORING}::test_inflating_requests_never_raises_the_estimate_above_what_sell_through_supports",),
    ),
    Defect(
        "inflation-after-a-cut-not-kept-apart",
        "who asks for twice as much after a cut is taken to want more",
        (Edit(REQUESTS, "    after = after_a_cut(evidence)\n", "    after = np.zeros_like(evidence.cut)\n"),),
        (f"{CENSORING}::test_requests_after_a_cut_are_measured_by_themselves",),
    ),
    Defect(
        "sales-taken-for-demand",
        "who was starved goes on being starved",
        (Edit(LEVELS, "    demand[line, week] = first\n", "    demand[line, week] = evidence.sold[line, week]\n"),),
        (f"{CENSORING}::test_without_times_and_requests_the_other_weeks_say_what_is_likely",),
    ),
    Defect(
        "shortage-taken-for-season",
        "a week in which nearly all were cut is taken for one in which nobody wanted anything",
        (Edit(LEVELS, "BLIND_MOST: Final = 0.7", "BLIND_MOST: Final = 1.0"),),
        (f"{CENSORING}::test_weeks_in_which_nearly_all_were_cut_lie_between_their_neighbours",),
    ),
)
