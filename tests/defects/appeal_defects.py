"""Defects of appeals and decisions: each would change a published score unseen, or tell a shop what does not count."""

from planting import Defect, Edit

TESTS = "tests/server/scores"

DEFECTS = (
    Defect(
        "appeal-upheld-by-one",
        "one person alone changes the figures behind a score",
        (
            Edit(
                "server/scores/answering.py",
                "    rules.check_second_person(given.author, operator.name)\n",
                "",
            ),
        ),
        (f"{TESTS}/test_appeals.py::test_an_upheld_appeal_changes_nothing_before_a_second_person_approved_it",),
    ),
    Defect(
        "appeal-one-instant-too-long",
        "an appeal is taken after the published period",
        (Edit("server/scores/appeal_rules.py", "    if at >= closes_at:\n", "    if at > closes_at:\n"),),
        (f"{TESTS}/test_appeal_rules.py::test_the_last_instant_is_in_time_and_the_next_is_late_and_says_until_when",),
    ),
    Defect(
        "neighbours-named",
        "among few shops the answer to an appeal tells what a certain other one sells",
        (Edit("server/scores/appeal_rules.py", "PEERS_LEAST: Final = 5", "PEERS_LEAST: Final = 1"),),
        (f"{TESTS}/test_appeal_rules.py::test_with_few_others_it_is_not_told_what_they_have",),
    ),
    Defect(
        "publisher-answers-himself",
        "who published the scores decides on the appeals against them",
        (
            Edit(
                "server/scores/answering.py",
                "    appeal_rules.check_answerer(published_by(session, row.run), operator.name)\n",
                "",
            ),
        ),
        (f"{TESTS}/test_appeals.py::test_a_dismissal_comes_with_words_and_the_published_figures",),
    ),
    Defect(
        "corrected-run-moves-twice",
        "a correction moves every shop's tier a second time",
        (
            Edit(
                "server/scores/service.py",
                "        previous=found.previous,\n        corrects=number,\n",
                "        previous=number,\n        corrects=number,\n",
            ),
        ),
        (f"{TESTS}/test_appeals.py::test_the_corrected_run_starts_where_the_corrected_one_did_and_takes_its_place",),
    ),
    Defect(
        "ended-decision-still-counts",
        "a shop is told that its suspension has ended, and the freeze grants it nothing",
        (
            Edit(
                "server/scores/queries.py",
                "Held(one.decision, one.tier, one.since, one.holds_until, one.reason)",
                "Held(one.decision, one.tier, one.since, one.until, one.reason)",
            ),
        ),
        (f"{TESTS}/test_decisions.py::test_a_decision_that_ends_early_ends_for_freeze_terminal_and_the_next_run",),
    ),
    Defect(
        "beginning-not-told",
        "a shop orders for days without knowing that nothing will be granted",
        (
            Edit(
                "server/scores/decision_queries.py",
                'or_(until <= day, and_(DecisionRow.since <= day, DecisionRow.told != "holding"))',
                "until <= day",
            ),
        ),
        (f"{TESTS}/test_decisions.py::test_a_decision_is_told_when_it_is_approved_when_it_begins_and_when_it_ends",),
    ),
)
