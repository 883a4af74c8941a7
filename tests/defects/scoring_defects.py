"""Defects of the scores: each would weigh somebody wrongly, or let him steer his weight."""

from planting import Defect, Edit

TESTS = "tests/allocation/scoring"

DEFECTS = (
    Defect(
        "figures-of-the-future",
        "a score uses what was not known on its day",
        (
            Edit(
                "allocation/scoring/components.py",
                "table.taken((table.day < day) & (table.day >= day - policy.window_days))",
                "table.taken(table.day >= day - policy.window_days)",
            ),
        ),
        (f"{TESTS}/test_properties.py::test_what_happens_on_the_day_or_later_changes_nothing",),
    ),
    Defect(
        "ties-by-name",
        "of two retailers with the same figures, one ranks above the other",
        (
            Edit(
                "allocation/scoring/peers.py",
                "    return low - first, high - low\n",
                "    return low - first, high - high + 1\n",
            ),
        ),
        (f"{TESTS}/test_by_hand.py::test_the_worked_example",),
    ),
    Defect(
        "new-retailers-at-the-bottom",
        "who has no figures yet gets next to nothing, and never comes to have any",
        (Edit("allocation/scoring/peers.py", "+ shrink_periods * peers\n", "\n"),),
        (f"{TESTS}/test_histories.py",),
    ),
    Defect(
        "no-margin",
        "a score that trembles at a bound moves a retailer up and down every week",
        (
            Edit(
                "allocation/scoring/tiers.py",
                "    margin = policy.margin_points * MILLI\n",
                "    margin = 0 * policy.margin_points\n",
            ),
        ),
        (f"{TESTS}/test_properties.py::test_a_score_that_trembles_at_a_bound_does_not_move_a_tier",),
    ),
    Defect(
        "decisions-without-an-end",
        "a suspension holds for ever",
        (Edit("allocation/scoring/decisions.py", "return self.since <= day < self.until", "return self.since <= day"),),
        (f"{TESTS}/test_by_hand.py::test_a_decision_lowers_a_tier_and_leaves_score_and_earned_tier_alone",),
    ),
    Defect(
        "a-floor-against-decisions",
        "the floor for the small undoes what two persons decided",
        (Edit("allocation/scoring/guards.py", "active & small & ~lowered", "active & small"),),
        (f"{TESTS}/test_guards.py::test_the_floor_raises_the_small_and_nobody_else",),
    ),
    Defect(
        "a-ceiling-that-cuts-too-deep",
        "large retailers lose more than the guard asks for",
        (Edit("allocation/scoring/guards.py", "    return low\n", "    return max(low - 1, 1)\n"),),
        (f"{TESTS}/test_guards.py::test_the_ceiling_cuts_no_deeper_than_it_must",),
    ),
    Defect(
        "a-breakdown-believed-unchecked",
        "the checker believes what the scores say of a component",
        (
            Edit(
                "allocation/scoring/checking.py",
                '                verdict.expect(f"breakdown.csv, {who}, {name}, {column}", row.get(column), cell)\n',
                "                pass\n",
            ),
        ),
        (f"{TESTS}/test_commands.py::test_a_figure_that_was_changed_afterwards_is_found",),
    ),
)
