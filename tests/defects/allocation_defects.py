"""Defects of the allocation core: each would share out wrongly, or hide that it was."""

from planting import Defect, Edit

ADJUSTMENTS = "tests/allocation/test_adjustments.py"
CARRYING_RULE = "allocation/carrying/__init__.py"
CARRYING = "tests/allocation/test_carrying.py"
COMPARING = "tests/allocation/test_comparing.py"
BASKETS = "tests/allocation/baskets"
FILLINGS = "tests/allocation/test_fillings.py"

DEFECTS = (
    Defect(
        "models-judged-by-what-they-saw",
        "the model that bends most to a history looks best, and the next figures are wrong",
        (
            Edit(
                "allocation/forecasting/fitting.py",
                "    before = _used(history.of(i)[:cut], intermittent=intermittent)\n",
                "    before = _used(history.of(i), intermittent=intermittent)\n",
            ),
        ),
        ("tests/allocation/forecasting/test_no_use_of_the_future.py",),
    ),
    Defect(
        "holidays-a-year-off",
        "goods for the Spring Festival are forecast for the month of the year before",
        (
            Edit(
                "allocation/forecasting/fitting.py",
                "    exposed = almanac.exposed_of(start, past, view.weekday)\n",
                "    exposed = np.roll(almanac.exposed_of(start, past, view.weekday), almanac.season, axis=1)\n",
            ),
        ),
        ("tests/allocation/forecasting/test_moving_holidays.py",),
    ),
    Defect(
        "lottery-without-the-sku",
        "who loses the draw for one product loses it for every product",
        (
            Edit(
                "allocation/filling/lottery.py",
                'f"{sku}{SEPARATOR}{retailer}{SEPARATOR}{n}"',
                'f"{retailer}{SEPARATOR}{n}"',
            ),
        ),
        ("tests/allocation/test_seeding.py",),
    ),
    Defect(
        "float-tie-break",
        "equals are told apart by rounding errors, and the lottery never asked",
        (
            Edit(
                "allocation/filling/signposts.py",
                "    return (pack * signpost - offset) / rate\n",
                "    return Fraction(float(pack * signpost - offset) / rate)\n",
            ),
        ),
        ("tests/allocation/test_fillings.py::test_numbers_beyond_64_bits_are_exact",),
    ),
    Defect(
        "first-row-wins-the-draw",
        "among equals the order of the rows decides, not the seed",
        (
            Edit(
                "allocation/filling/water.py",
                "drawn = sorted(zip(self._draws(line, filling.granted[line] + 1), line.tolist(), strict=True))",
                "drawn = list(zip(self._draws(line, filling.granted[line] + 1), line.tolist(), strict=True))",
            ),
        ),
        ("tests/allocation/test_seeding.py",),
    ),
    Defect(
        "verifier-skips-the-sums",
        "a result that grants more than there is passes the check",
        (
            Edit(
                "allocation/verification/checking.py",
                "np.flatnonzero(used > claims.limits)",
                "np.flatnonzero(used // 2 > claims.limits)",
            ),
        ),
        ("tests/allocation/test_verification.py",),
    ),
    Defect(
        "last-row-wins-the-draw-under-limits",
        "where SKUs meet in a limit, the order of the names decides among equals, not the seed",
        (
            Edit(
                "allocation/filling/progressive.py",
                "            turn.sort(key=lambda pack: self._drawn(*pack))\n",
                "            turn.sort(reverse=True)\n",
            ),
        ),
        (f"{FILLINGS}::test_the_seed_decides_among_equals_also_where_skus_meet_in_a_quota",),
    ),
    Defect(
        "quota-of-all-skus-dropped",
        "a region takes more than its share of everything",
        (Edit("allocation/constraints.py", "    for of_all in (False, True):\n", "    for of_all in (False,):\n"),),
        (f"{FILLINGS}::test_a_quota_of_all_skus_holds_for_their_sum",),
    ),
    Defect(
        "cap-off-by-one",
        "a shop gets one unit more than the law allows it",
        (
            Edit(
                "allocation/problem.py",
                "eligible = np.minimum(requested, requests.cap[here]) // pack",
                "eligible = np.minimum(requested, requests.cap[here] + 1) // pack",
            ),
        ),
        (f"{FILLINGS}::test_a_cap_is_the_most_that_is_granted",),
    ),
    Defect(
        "floor-granted-twice",
        "what is promised beforehand is given out a second time, and the supply is overdrawn",
        (
            Edit(
                "allocation/filling/water.py",
                "    left = supply_packs - _sum_by(sku, lines.floor.astype(total, copy=False), len(chosen))\n",
                "    left = supply_packs - 0 * _sum_by(sku, lines.floor.astype(total, copy=False), len(chosen))\n",
            ),
        ),
        (f"{FILLINGS}::test_a_floor_is_given_first_and_counts_as_the_lines_first_packs",),
    ),
    Defect(
        "reserve-given-away",
        "what is held back for emergencies is shared out",
        (
            Edit(
                "allocation/problem_tables.py",
                "        return (self.supply - self.reserve) // self.pack\n",
                "        return self.supply // self.pack\n",
            ),
        ),
        (f"{FILLINGS}::test_a_reserve_is_held_back_also_where_skus_meet_in_a_credit",),
    ),
    Defect(
        "carry-with-the-wrong-sign",
        "who lost by rounding loses again, and who gained gains again",
        (
            Edit(
                "allocation/filling/signposts.py",
                "    signpost = half_steps / 2 - Fraction(carry, CARRY_SCALE)\n",
                "    signpost = half_steps / 2 + Fraction(carry, CARRY_SCALE)\n",
            ),
        ),
        (f"{FILLINGS}::test_a_carry_moves_a_pack_forward_and_a_debt_moves_it_back",),
    ),
    Defect(
        "debt-counted-as-credit",
        "who got more than his share is owed still more in the next cycle",
        (
            Edit(
                CARRYING_RULE,
                "    carry = (kept if previous > 0 else -kept) + int(owed)\n",
                "    carry = (kept if previous > 0 else -kept) - int(owed)\n",
            ),
        ),
        (f"{CARRYING}::test_what_rounding_took_is_owed_and_what_it_gave_is_due",),
    ),
    Defect(
        "carry-forgotten-too-fast",
        "small shops that are owed a pack never get it",
        (Edit(CARRYING_RULE, "KEPT_THOUSANDTHS: Final = 980\n", "KEPT_THOUSANDTHS: Final = 800\n"),),
        (f"{CARRYING}::test_with_carry_no_shop_is_forgotten_in_a_year_and_each_ends_within_a_pack",),
    ),
    Defect(
        "pack-size-ignored-in-the-key",
        "under a credit, goods in large packs come before goods in small ones",
        (
            Edit(
                "allocation/filling/signposts.py",
                "    return (pack * signpost - offset) / rate\n",
                "    return (signpost - offset) / rate\n",
            ),
        ),
        (f"{FILLINGS}::test_large_and_small_packs_are_compared_by_units_under_a_credit",),
    ),
    Defect(
        "weight-of-the-retailer-instead-of-the-lines",
        "a share agreed for one product is ignored",
        (
            Edit(
                "allocation/problem.py",
                "    weight = np.where(weight > 0, weight, retailers.weight[requests.retailer[here]])\n",
                "    weight = retailers.weight[requests.retailer[here]]\n",
            ),
        ),
        ("tests/allocation/test_classical_answers.py", "tests/allocation/test_commands.py"),
    ),
    Defect(
        "threshold-off-by-one",
        "the certificate names a pack that was not the last one, and nobody can redo the draw",
        (
            Edit(
                "allocation/filling/water.py",
                "self.phase, level, drawn[due - 1][0])\n",
                "self.phase, level, drawn[due - 2][0])\n",
            ),
        ),
        (f"{FILLINGS}::test_the_threshold_is_the_last_pack_that_the_draw_granted",),
    ),
    Defect(
        "reason-from-the-wrong-constraint",
        "a shop is told that its credit is used up where there was no more to be had",
        (
            Edit(
                "allocation/filling/progressive.py",
                "next(c for c, size in self.needs[line] if self.room[c] < size)",
                "next(c for c, size in reversed(self.needs[line]) if self.room[c] < size)",
            ),
        ),
        (f"{FILLINGS}::test_of_two_full_constraints_the_supply_is_named",),
    ),
    Defect(
        "decision-by-hand-overlooked",
        "what two persons decided for a shop is not what it gets",
        (
            Edit(
                "allocation/problem.py",
                "        eligible[decided] = self.lines.floor[decided]\n",
                "        eligible[decided] = self.lines.eligible[decided]\n",
            ),
        ),
        (ADJUSTMENTS,),
    ),
    Defect(
        "decision-by-hand-unmarked",
        "a line that was decided by hand looks as if the rule had given it",
        (
            Edit(
                "allocation/reasons.py",
                '    code[problem.adjustments.line] = _CODE["adjusted"]\n',
                "",
            ),
        ),
        (ADJUSTMENTS,),
    ),
    Defect(
        "decision-approved-by-its-author",
        "one person alone takes goods from all others",
        (
            Edit(
                "allocation/tables/persons.py",
                "        if len(set(map(_person, two))) == 1:\n",
                "        if not two:\n",
            ),
        ),
        (ADJUSTMENTS,),
    ),
    Defect(
        "tie-by-the-order-of-arrival",
        "the comparison's baseline serves the last row first",
        (
            Edit(
                "allocation/problem.py",
                "else np.argsort(order)\n",
                "else np.argsort(order)[::-1]\n",
            ),
        ),
        (COMPARING,),
    ),
    Defect(
        "losers-shown-as-winners",
        "a policy is chosen by those whom it harms",
        (
            Edit(
                "allocation/comparing/measuring.py",
                "        change = self.b - self.a\n",
                "        change = self.a - self.b\n",
            ),
        ),
        (COMPARING,),
    ),
    Defect(
        "basket-without-its-weight",
        "a large shop gets no more of a basket than a small one",
        (
            Edit(
                "allocation/baskets/leximin.py",
                "else (0, None, members | {level: -claimant.weight})",
                "else (0, None, members | {level: -1})",
            ),
        ),
        (f"{BASKETS}/test_sharing.py::test_weights_are_of_the_retailer",),
    ),
    Defect(
        "basket-ignores-lines-beside",
        "a basket spends the credit that lines outside of it have taken already",
        (
            Edit(
                "allocation/baskets/claimants.py",
                "            room[position[line]] -= packs * int(lines.pack[line])",
                "            room[position[line]] -= 0 * int(lines.pack[line])",
            ),
        ),
        (f"{BASKETS}/test_sharing.py::test_lines_outside_come_before_baskets_in_a_shared_credit",),
    ),
    Defect(
        "basket-leaves-packs-lying",
        "packs stay in the store that a short shop had room for",
        (
            Edit(
                "allocation/baskets/rounding.py",
                "    queue = [turn(i) for i in range(len(packs)) if has_room(i)]\n",
                "    queue = [turn(i) for i in range(len(packs)) if has_room(i)][:0]\n",
            ),
        ),
        (f"{BASKETS}/test_sharing.py::test_what_a_credit_gives_back_goes_to_whoever_has_room",),
    ),
    Defect(
        "totals-without-a-bound",
        "a certificate passes whose weights prove nothing of the totals",
        (
            Edit(
                "allocation/verification/basket_shares.py",
                "        if _bound(shared, totals, of_rows, of_claimants, fixed) != level:\n",
                "        if level < 0:\n",
            ),
        ),
        (f"{BASKETS}/test_proofs.py::test_a_damaged_basket_fails",),
    ),
    Defect(
        "approximate-anywhere",
        "an answer far from the best passes under the label approximate, at any size",
        (
            Edit(
                "allocation/verification/baskets.py",
                "if len(held) <= BASKET_LINES or only_supplies",
                "if only_supplies",
            ),
        ),
        (f"{BASKETS}/test_bins.py::test_approximate_is_no_excuse_where_an_exact_answer_is_due",),
    ),
    Defect(
        "the-lesser-line-stays",
        "who wants one good or the other gets the one of which there is less for him",
        (Edit("allocation/filling/bundles.py", "        return -Fraction(packs", "        return Fraction(packs"),),
        ("tests/allocation/test_bundles.py",),
    ),
    Defect(
        "two-of-a-bundle",
        "a shop that wants one good or the other is sent both, and pays for both",
        (Edit("allocation/filling/minimums.py", "if len(lines) > 1]", "if len(lines) > 2]"),),
        ("tests/allocation/test_bundles.py",),
    ),
    Defect(
        "bundles-unchecked",
        "a result that grants both lines of a bundle passes the check",
        (
            Edit(
                "allocation/verification/checking.py",
                "    for line in left_out:\n        if held[line] > 0:",
                "    for line in left_out:\n        if held[line] < 0:",
            ),
        ),
        ("tests/allocation/test_bundles.py::test_bundles_settled_for_the_lesser_line_are_found",),
    ),
)
