"""Defects of the scores: each would weigh somebody wrongly, or let him steer his weight."""

from planting import Defect, Edit

TESTS = "tests/allocation/scoring"

SERVER = "tests/server/scores"
WHAT_IF = "tests/server/cycles/test_score_what_if.py"

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
    Defect(
        "own-policy-published",
        "one person writes a score policy and puts it in force through a colleague's run",
        (
            Edit(
                "server/scores/service.py",
                "for first in (row.asked_by, *_policy_authors(session, row, stands)):",
                "for first in (row.asked_by,):",
            ),
        ),
        (f"{SERVER}/test_policies.py::test_who_wrote_a_new_policy_does_not_publish_the_first_run_by_it",),
    ),
    Defect(
        "files-without-decisions",
        "an outsider cannot check why a shop was lowered",
        (
            Edit(
                "server/scores/making.py",
                "given_files(basis.history, basis.decisions)",
                "given_files(basis.history)",
            ),
        ),
        (f"{SERVER}/test_exporting.py::test_the_files_of_a_run_hold_by_the_checker_and_one_changed_byte_is_named",),
    ),
    Defect(
        "a-what-if-of-one-side",
        "a planner sees that a policy changes nobody's goods, and it does",
        (Edit("server/cycles/score_what_if.py", "weighed=side.weighed", "weighed=first.weighed"),),
        (f"{WHAT_IF}::test_tiers_weights_and_grants_under_another_policy_stand_beside_those_in_force",),
    ),
    Defect(
        "goods-for-the-suspended-in-a-what-if",
        "a what-if promises others less than they would get",
        (Edit("server/cycles/problems.py", 'pc.if_else(pa.array(out), 0, lines["cap"])', 'lines["cap"]'),),
        (f"{WHAT_IF}::test_who_is_suspended_by_decision_gets_nothing_under_either",),
    ),
    Defect(
        "a-version-by-hand",
        "a policy claims weights of scores that it never had",
        (
            Edit(
                "server/cycles/terms.py",
                '_BY_FREEZE: Final = ("score_version", "forecast_version")',
                '_BY_FREEZE: Final = ("forecast_version",)',
            ),
        ),
        ("tests/server/cycles/test_terms.py::test_what_the_freeze_fills_in_is_refused_by_its_key",),
    ),
)
