"""Defects that are planted in the server's forecasts; see :mod:`seeded`."""

from planting import Defect, Edit

MAKING = "tests/server/forecasts/test_making.py"

DEFECTS = (
    Defect(
        "forecast-knows-the-month-it-forecasts",
        "a figure looks better than it is, for it was computed from what it was to foretell",
        (
            Edit(
                "server/forecasts/queries.py",
                "DemandVersion.period < cut_off, DemandVersion.number <= number)\n        .order_by(*key, ",
                "DemandVersion.period <= cut_off, DemandVersion.number <= number)\n        .order_by(*key, ",
            ),
            Edit("server/forecasts/queries.py", "DemandVersion.period < before", "DemandVersion.period <= before"),
        ),
        (f"{MAKING}::test_nothing_from_the_cut_off_on_changes_a_figure",),
    ),
    Defect(
        "forecast-from-history-that-came-later",
        "a version that is taken up again after a crash mixes what was known then with what is known now",
        (
            Edit(
                "server/forecasts/queries.py",
                "DemandVersion.period < cut_off, DemandVersion.number <= number)\n        .order_by(*key, ",
                "DemandVersion.period < cut_off)\n        .order_by(*key, ",
            ),
        ),
        (f"{MAKING}::test_a_job_that_was_killed_goes_on_with_what_is_missing",),
    ),
    Defect(
        "agreed-figure-confirmed-by-its-author",
        "one person passes for two",
        (Edit("server/forecasts/service.py", "if stands.by == str(by):", "if not stands.by:"),),
        ("tests/server/forecasts/test_figures.py::test_an_agreed_figure_takes_a_second_persons_look",),
    ),
    Defect(
        "figure-for-a-month-that-has-begun",
        "a shop foretells a month of which it knows a part",
        (Edit("server/forecasts/rules.py", "if period <= this:", "if period < this:"),),
        ("tests/server/forecasts/test_figures.py::test_a_figure_out_of_time_or_class_is_refused",),
    ),
)
