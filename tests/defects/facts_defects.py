"""Defects that are planted in the facts behind scores; see :mod:`seeded`."""

from planting import Defect, Edit

TESTS = "tests/server/scores/test_facts.py"
QUERIES = "server/scores/fact_queries.py"

DEFECTS = (
    Defect(
        "a-score-from-a-month-that-is-not-over",
        "a part of a month counts as the whole, and a score changes with the day on which it is made",
        (
            Edit(
                QUERIES, "FactVersion.period < day, FactVersion.number", "FactVersion.period <= day, FactVersion.number"
            ),
        ),
        (f"{TESTS}::test_a_month_that_is_not_over_is_no_fact_of_a_run",),
    ),
    Defect(
        "a-leak-into-scores-unseen",
        "what came from later months decides a score, and nobody is told",
        (Edit("server/scores/making.py", "    _check_before(tables, found.as_of)\n", ""),),
        (f"{TESTS}::test_a_planted_leak_ends_the_run_and_is_named",),
    ),
    Defect(
        "facts-that-came-after-a-run-was-asked-for",
        "a run that is begun again after a crash counts other figures than it was asked to",
        (Edit(QUERIES, "FactVersion.period < day, FactVersion.number <= number", "FactVersion.period < day"),),
        (f"{TESTS}::test_a_run_sees_the_facts_as_they_stood_when_it_was_asked_for",),
    ),
    Defect(
        "numbers-not-settled",
        "a figure that was being written gets a smaller number than the run holds, and is read the second time only",
        (
            Edit(
                "server/scores/facts.py",
                "    session.execute(select(func.pg_advisory_xact_lock(_NUMBERS)))\n",
                "",
            ),
        ),
        (f"{TESTS}::test_numbers_are_settled_before_a_run_takes_the_newest",),
    ),
    Defect(
        "a-delivery-counted-twice",
        "a shop that is told of again looks more reliable than it is",
        (
            Edit(
                "server/scores/facts.py", "FactVersion.told == told)) is not None", "FactVersion.told == told)) is ..."
            ),
        ),
        (f"{TESTS}::test_deliveries_are_counted_once_each_and_every_count_stays",),
    ),
    Defect(
        "what-was-refused-is-no-part-of-the-range",
        "a shop that accepts nothing stands in the middle and not below",
        (
            Edit(
                QUERIES,
                "sorted(told[DELIVERIES] - told[ASSORTMENT])",
                "sorted((told[DELIVERIES] - told[ASSORTMENT]) & accepted.keys())",
            ),
        ),
        (f"{TESTS}::test_the_assortment_is_what_a_shop_accepted_of_what_anybody_did",),
    ),
    Defect(
        "a-month-brought-before-it-is-over",
        "the first half of a month looks like a month in which half was sold",
        (Edit("server/scores/fields.py", 'timely=lambda record, at: is_over(record["period"], at),', "timely=None,"),),
        (f"{TESTS}::test_every_row_of_facts_is_taken_or_refused_with_its_reason",),
    ),
    Defect(
        "sales-of-goods-that-never-came",
        "a shop types in sales, and its weight rises",
        (
            Edit(
                "server/inventory/rules.py",
                "max(min(units, stock.brought_units - stock.sold_units), 0)",
                "max(units, stock.brought_units - stock.sold_units, 0)",
            ),
        ),
        ("tests/server/inventory/test_moving.py::test_nothing_counts_as_sold_that_the_distributor_did_not_bring",),
    ),
    Defect(
        "counts-of-a-shop-count-as-brought",
        "a shop counts goods up that are not there, and then sells them",
        (
            Edit(
                "server/inventory/rules.py",
                'return [("adjustment", Change(units))]',
                'return [("adjustment", Change(units, brought_units=units))]',
            ),
        ),
        ("tests/server/inventory/test_moving.py::test_nothing_counts_as_sold_that_the_distributor_did_not_bring",),
    ),
    Defect(
        "terminals-over-files",
        "a shop that scans a part of its sales is said to have sold that part",
        (
            Edit(
                "server/forecasts/service.py",
                " or known not in {(None, None), ours.get((retailer, product_class))}:",
                ":",
            ),
        ),
        ("tests/server/inventory/test_telling.py::test_what_a_file_says_stays_and_what_cycles_say_stands_beside",),
    ),
    Defect(
        "a-part-above-its-whole",
        "a file with two columns mixed up makes a shop pay more than was due",
        (Edit("server/scores/fields.py", "record[part.name] > record[whole.name]", "record[part.name] < 0"),),
        (f"{TESTS}::test_every_row_of_facts_is_taken_or_refused_with_its_reason",),
    ),
)
