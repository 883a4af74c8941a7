"""Defects of the terminal: each would lose what a shopkeeper was told is kept, or tell him what is not so."""

from planting import Defect, Edit

CUTS = "tests/terminal_client/power/test_power_cuts.py"
USE_CASES = "tests/terminal_client/core/test_use_cases.py"

DEFECTS = (
    Defect(
        "terminal-not-durable",
        "the power fails, and orders that were said to be saved are gone",
        (Edit("terminal_client/core/store.py", '"synchronous = FULL"', '"synchronous = NORMAL"'),),
        (f"{CUTS}::test_a_week_of_cuts_loses_nothing_doubles_nothing_and_damages_nothing",),
    ),
    Defect(
        "said-before-kept",
        "the screen says saved a moment before it is, and a power cut in that moment makes it a lie",
        (
            Edit(
                "terminal_client/core/use_cases.py",
                "        drafts.mark_sent(shop.store, window, pending.id)\n    shop.saved(pending)\n",
                "        drafts.mark_sent(shop.store, window, pending.id)\n        shop.saved(pending)\n",
            ),
        ),
        (f"{CUTS}::test_a_week_of_cuts_loses_nothing_doubles_nothing_and_damages_nothing",),
    ),
    Defect(
        "submitted-in-two-steps",
        "between the two the power fails: the draft stands there as if it had never been sent, and is sent again",
        (
            Edit(
                "terminal_client/core/use_cases.py",
                "        drafts.mark_sent(shop.store, window, pending.id)\n    shop.saved(pending)\n",
                "    with shop.store.transaction():\n"
                "        drafts.mark_sent(shop.store, window, pending.id)\n"
                "    shop.saved(pending)\n",
            ),
        ),
        (f"{USE_CASES}::test_a_draft_is_submitted_in_one_transaction",),
    ),
)
