"""Defects of feedback: a shop would be left without an answer, or read by those who must not read it."""

from planting import Defect, Edit

TESTS = "tests/server/feedback"
CORE = "tests/terminal_client/core/test_feedback.py"
SCREENS = "tests/terminal_client/ui/test_feedback.py"

DEFECTS = (
    Defect(
        "feedback-closed-unanswered",
        "a complaint is closed without an answer",
        (
            Edit(
                "server/feedback/rules.py",
                '    if state in OPEN:\n        raise Conflict("feedback_unanswered"',
                '    if state == "received":\n        raise Conflict("feedback_unanswered"',
            ),
        ),
        (f"{TESTS}/test_rules.py::test_nothing_is_closed_unanswered",),
    ),
    Defect(
        "employee-read-by-all",
        "a complaint about an employee is read by those beside that employee",
        (
            Edit(
                "server/feedback/rules.py",
                'return category != "employee" or "administrator" in roles',
                "return True",
            ),
        ),
        (f"{TESTS}/test_service.py::test_what_is_about_an_employee_reaches_administrators_alone",),
    ),
    Defect(
        "weekend-is-worked",
        "a deadline falls on a Sunday",
        (Edit("server/kit/workdays.py", "        days -= day.weekday() < WEEKEND\n", "        days -= 1\n"),),
        ("tests/server/kit/test_workdays.py::test_saturday_and_sunday_are_no_working_days",),
    ),
    Defect(
        "reopened-for-ever",
        "a closed complaint is never done",
        (Edit("server/feedback/rules.py", "    if reopened_at is not None:\n", "    if False:\n"),),
        (f"{TESTS}/test_service.py::test_a_closed_one_is_reopened_once_with_a_new_deadline",),
    ),
    Defect(
        "note-told-as-answer",
        "a shop reads what was written to be read inside only",
        (
            Edit(
                "server/feedback/service.py",
                'queries.entries(session, row.id) if one.sort == "answer"), None)',
                "queries.entries(session, row.id)), None)",
            ),
        ),
        (f"{TESTS}/test_service.py::test_a_note_stays_inside",),
    ),
    Defect(
        "rated-by-another-shop",
        "a shop rates what another one said",
        (Edit("server/feedback/service.py", " or row.retailer != arrival.sender.party:\n", ":\n"),),
        (f"{TESTS}/test_service.py::test_of_another_shop_nothing_is_rated",),
    ),
    Defect(
        "terminal-forgets-typed-words",
        "a lock takes the words that a shop was typing",
        (
            Edit(
                "terminal_client/ui/screens/feedback.py",
                'feedback_use_cases.keep(desk.terminal.shop, words=request.form.get("words", "")[:WORDS_MOST])',
                "pass",
            ),
        ),
        (f"{SCREENS}::test_words_are_kept_while_they_are_typed_and_steps_lead_back_to_what_is_missing",),
    ),
    Defect(
        "terminal-reopens-twice",
        "a shop is told that it asked again, and the server refuses it a day later",
        (
            Edit(
                "terminal_client/core/feedback.py", '        if self.rated.data.get("reopen"):\n', "        if False:\n"
            ),
        ),
        (f"{CORE}::test_a_received_reopening_that_the_feed_does_not_show_yet_is_not_asked_for_again",),
    ),
)
