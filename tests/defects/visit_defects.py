"""Defects of visits, announcements and meetings: a shop that nobody goes to, or that is asked or promised twice."""

from planting import Defect, Edit

ANNOUNCEMENTS, VISITS = "tests/server/announcements", "tests/server/visits"
MEETINGS = f"{ANNOUNCEMENTS}/test_meetings.py"

DEFECTS = (
    Defect(
        "claim-hidden-by-an-earlier-call",
        "a shop that was called once after a claim is never called after a later one",
        (Edit("server/visits/rules.py", "(heard is None or heard < claim.at)", "heard is None"),),
        (f"{VISITS}/test_rules.py::test_the_director_calls_within_ten_days_of_a_claim_once",),
    ),
    Defect(
        "visited-and-sent-again",
        "a manager falls ill at noon, and his colleague is sent to the shops where he was in the morning",
        (
            Edit(
                "server/visits/replanning.py",
                " for stop in tour.stops if stop.retailer not in kept\n        ]",
                " for stop in tour.stops\n        ]",
            ),
        ),
        (f"{VISITS}/test_planning.py::test_after_a_sick_day_what_was_done_and_what_others_do_stays",),
    ),
    Defect(
        "one-place-too-many",
        "a shop that was promised a place at a training stands before a full room",
        (
            Edit(
                "server/announcements/meetings.py",
                "int(taken or 0) < meeting.places",
                "int(taken or 0) <= meeting.places",
            ),
        ),
        (f"{MEETINGS}::test_places_go_by_turn_and_who_gives_one_back_lets_the_first_in_line_have_it",),
    ),
    Defect(
        "slip-of-the-pen-asks-anew",
        "whoever has confirmed a notice counts as one who has not, because a comma was put right",
        (
            Edit(
                "server/announcements/service.py",
                "    if correction.ask_anew:\n        row.counts_from = row.version\n",
                "    row.counts_from = row.version\n",
            ),
        ),
        (f"{ANNOUNCEMENTS}/test_sending.py::test_a_slip_of_the_pen_lets_what_was_read_stand",),
    ),
)
