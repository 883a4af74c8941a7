"""Defects of feedback: a shop would be left without an answer, or read by those who must not read it."""

from planting import Defect, Edit

TESTS = "tests/server/feedback"
CREDITING = "tests/server/cycles/test_crediting.py"
PROMISES = f"{TESTS}/test_promises.py"
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
                '    if category != "employee":\n        return True\n',
                "    if category:\n        return True\n",
            ),
        ),
        (f"{TESTS}/test_service.py::test_what_is_about_an_employee_that_nobody_owns_reaches_administrators_alone",),
    ),
    Defect(
        "employee-reads-his-own",
        "an employee reads the complaint about himself",
        (
            Edit(
                "server/migrations/versions/0002_capabilities.py",
                "POLICY concerned ON feedback AS RESTRICTIVE USING (",
                "POLICY concerned ON feedback AS RESTRICTIVE USING (true OR ",
            ),
        ),
        (f"{TESTS}/test_employees.py::test_the_database_alone_keeps_it_from_the_employee",),
    ),
    Defect(
        "escalated-for-ever",
        "a late complaint goes on to the next person each second",
        (
            Edit(
                "server/feedback/service.py",
                "row.owner, row.escalated, row.escalate_at = following, row.escalated + 1, held.next_step_at(now)",
                "row.owner, row.escalated = following, row.escalated + 1",
            ),
        ),
        (f"{TESTS}/test_promises.py::test_what_is_late_goes_to_the_next_person_a_step_once_and_is_audited",),
    ),
    Defect(
        "clock-never-stands",
        "a complaint becomes late while the shop is waited for",
        (
            Edit(
                "server/feedback/terms.py",
                "        left = working_time_between(paused_at, instant, self.calendar)\n",
                "        return instant\n        left = working_time_between(paused_at, instant, self.calendar)\n",
            ),
        ),
        (f"{PROMISES}::test_the_clock_stands_for_a_reason_that_the_shop_reads_and_goes_on_with_what_was_left",),
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
        (Edit("server/feedback/rules.py", "    if not again:\n", "    if False:\n"),),
        (f"{TESTS}/test_service.py::test_a_closed_one_is_reopened_as_often_as_it_can_be_with_a_new_deadline",),
    ),
    Defect(
        "note-told-as-answer",
        "a shop reads what was written to be read inside only",
        (
            Edit(
                "server/feedback/telling.py",
                'given = next((one for one in written if one.sort == "answer"), None)',
                "given = next(iter(written), None)",
            ),
        ),
        (f"{TESTS}/test_service.py::test_a_note_stays_inside",),
    ),
    Defect(
        "remedy-by-one",
        "one person credits a shop alone",
        (Edit("server/feedback/remedies.py", "    check_second_person(made.author, operator.name)\n", ""),),
        (f"{CREDITING}::test_what_is_proposed_is_told_to_nobody_before_a_second_person_confirms_it",),
    ),
    Defect(
        "credited-twice",
        "two disputes about one grant make good more than it lacked",
        (Edit("server/cycles/crediting.py", "max(0, (short or 0) - int(before or 0))", "max(0, short or 0)"),),
        (f"{CREDITING}::test_no_more_is_credited_than_the_line_lacked_however_often_it_is_disputed",),
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
