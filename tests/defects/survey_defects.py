"""Defects of surveys and notices: the wrong question asked, an answer lost or counted that was never asked for."""

from planting import Defect, Edit

ASKING = "tests/contract/test_asking.py"
RULES = "tests/server/surveys/test_rules.py"
SERVICE = "tests/server/surveys/test_service.py"
USE_CASES = "tests/terminal_client/core/test_use_cases.py"
SCREENS = "tests/terminal_client/ui/test_screens.py"

DEFECTS = (
    Defect(
        "left-out-is-not",
        "whoever left a question out is asked as if he had chosen something else",
        (
            Edit(
                "contract/asking.py",
                "    if answer is None or not says_something(answer):\n        return False\n",
                "    if answer is None:\n        return False\n",
            ),
        ),
        (f"{ASKING}::test_a_test_reads_an_answer",),
    ),
    Defect(
        "asked-after-the-skipped",
        "a question is asked for an answer that was kept to a question that is itself no longer asked",
        (
            Edit(
                "contract/asking.py",
                "(on.question in asked and passes(on, given.get(on.question)))",
                "passes(on, given.get(on.question))",
            ),
        ),
        (f"{ASKING}::test_the_answers_decide_step_by_step_what_is_asked",),
    ),
    Defect(
        "more-than-was-said",
        "the walk is longer than the most that the screen promised",
        (Edit("contract/asking.py", "on.question in undecided or (", "("),),
        (f"{ASKING}::test_the_answers_decide_step_by_step_what_is_asked",),
    ),
    Defect(
        "skipped-yet-counted",
        "the server takes an answer to a question that was not asked",
        (
            Edit(
                "server/surveys/answering.py",
                "            if question.id not in asked:\n",
                "            if not asked:\n",
            ),
        ),
        (f"{RULES}::test_what_is_not_asked_needs_no_answer_and_takes_none",),
    ),
    Defect(
        "hangs-on-what-comes-later",
        "a survey is asked whose question hangs on itself or on a later one, so that nobody ever sees it",
        (Edit("server/surveys/rules.py", "draft.questions[: number - 1])", "draft.questions)"),),
        (f"{RULES}::test_a_question_hangs_on_an_earlier_answer_or_is_refused_by_field",),
    ),
    Defect(
        "asked-of-everyone",
        "the results set the answers against shops that were never asked",
        (
            Edit(
                "server/surveys/rules.py", '    return same if on.test == "is" else given - same\n', "    return sets\n"
            ),
        ),
        (f"{SERVICE}::test_a_question_counts_only_the_shops_that_were_asked",),
    ),
    Defect(
        "confirmed-by-looking",
        "a notice that asks to be confirmed is out of sight and counts as read once somebody has looked at it",
        (
            Edit(
                "terminal_client/ui/screens/notices.py",
                "use_cases.note_display",
                "use_cases.read_announcement",
            ),
        ),
        (f"{SCREENS}::test_a_notice_that_asks_for_it_is_read_only_by_a_tap_of_its_own",),
    ),
    Defect(
        "over-and-still-asking",
        "a promotion that is over goes on asking to be confirmed on every screen",
        (
            Edit(
                "terminal_client/core/views/notices.py",
                "        return self.read is None and not opened and not self.expired and not self.withdrawn\n",
                "        return self.read is None and not opened and not self.withdrawn\n",
            ),
        ),
        (f"{USE_CASES}::test_notices_stand_in_the_order_in_which_they_matter_and_fold_when_they_are_over",),
    ),
    Defect(
        "sent-though-not-asked",
        "an answer that was kept and is no longer asked goes out, and the server refuses the whole",
        (
            Edit(
                "terminal_client/core/use_cases.py",
                "tuple(given[q.id] for q in questions if q.id in given)",
                "tuple(given.values())",
            ),
        ),
        (f"{USE_CASES}::test_what_is_no_longer_asked_stays_in_the_draft_and_is_not_sent",),
    ),
)
