"""Defects of the terminal: each would lose what a shopkeeper was told is kept, or tell him what is not so."""

from planting import Defect, Edit

CUTS = "tests/terminal_client/power/test_power_cuts.py"
RESTORED = "tests/terminal_client/core/test_sync_restored.py"
STOCK = "tests/terminal_client/core/test_stock.py"
STOCK_SCREENS = "tests/terminal_client/ui/test_stock.py"
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
    Defect(
        "restored-server-believed",
        "a server that came back from a backup keeps quiet about orders that it forgot, and so does the terminal",
        (
            Edit(
                "terminal_client/core/sync/hearing.py",
                "    if page.head < state.pulled_after or (",
                "    if page.head < 0 or (",
            ),
        ),
        (f"{RESTORED}::test_what_a_restored_server_forgot_is_sent_again_under_the_same_ids",),
    ),
    Defect(
        "older-history-overtaken",
        "a restored server that has counted past the cursor is not noticed",
        (
            Edit(
                "terminal_client/core/sync/hearing.py",
                "(page.history not in (state.history, None) and not state.blank)",
                "page.history == 0",
            ),
        ),
        (f"{RESTORED}::test_a_backup_that_has_overtaken_the_cursor_is_known_by_its_history",),
    ),
    Defect(
        "news-taken-for-a-restore",
        "each item that overtakes a page makes the terminal doubt everything",
        (
            Edit(
                "terminal_client/core/sync/hearing.py",
                "    if page.head < state.pulled_after or (",
                "    if page.head < state.cursor or (",
            ),
        ),
        (f"{RESTORED}::test_news_that_overtake_a_page_are_not_taken_for_an_older_server",),
    ),
    Defect(
        "forgotten-shown-as-received",
        "an order that the server has forgotten is shown as received",
        (Edit("terminal_client/core/feed.py", '        store.execute("DELETE FROM feed WHERE seq = 0")\n', ""),),
        (f"{RESTORED}::test_what_the_server_does_not_hold_any_more_is_not_shown_as_held",),
    ),
    Defect(
        "copies-unnoticed",
        "two machines order in one shop's name, and nobody hears of it",
        (
            Edit(
                "terminal_client/core/feed.py",
                "receipt.device == device and not",
                'receipt.device == "" and not',
            ),
        ),
        (f"{RESTORED}::test_a_copy_of_a_terminal_is_noticed_on_both_screens_and_nothing_is_lost_or_doubled",),
    ),
    Defect(
        "clock-always-sure",
        "after days without the server, the terminal closes a window that is open still",
        (
            Edit(
                "terminal_client/core/server_clock.py",
                "(doubt_ms if doubt_ms >= SURE_MS else 0)",
                "0",
            ),
        ),
        (f"{RESTORED}::test_the_longer_without_exchange_the_less_certain_and_the_server_decides_within_it",),
    ),
    Defect(
        "sale-counted-twice",
        "between a sale's receipt and the server's new figure, more is shown than stands there",
        (
            Edit(
                "terminal_client/core/outbox.py",
                "settled_at_ms IS NULL OR (settled_at_ms > ? AND",
                "settled_at_ms IS NULL OR (settled_at_ms < 0 * ? AND",
            ),
        ),
        (f"{STOCK}::test_what_is_on_its_way_counts_once_before_and_after_its_receipt",),
    ),
    Defect(
        "count-undoes-sales",
        "what is sold while a count goes on is put back by it",
        (
            Edit(
                "terminal_client/core/stock_rules.py",
                "counted_units + book_now_units - book_then_units",
                "counted_units",
            ),
        ),
        (f"{STOCK}::test_what_is_sold_between_counting_and_finishing_is_not_counted_back",),
    ),
    Defect(
        "difference-not-looked-at",
        "a slip of the finger in a count becomes the stock",
        (Edit("terminal_client/core/stock_use_cases.py", "if not line.sure), None)", "if False), None)"),),
        (f"{STOCK}::test_a_count_survives_a_power_cut_at_any_tap",),
    ),
    Defect(
        "blind-count-told",
        "a blind count shows the figure that is to be found",
        (Edit("terminal_client/ui/templates/count.html", "{% elif not count.blind %}", "{% elif True %}"),),
        (f"{STOCK_SCREENS}::test_a_blind_count_hides_the_figure_until_one_was_typed",),
    ),
    Defect(
        "clerk-takes-out",
        "a clerk takes goods out of the stock, and nobody sees that they are missing",
        (Edit("terminal_client/ui/access.py", '    ("POST", "/stock/adjust"),\n', ""),),
        (f"{STOCK_SCREENS}::test_a_clerk_sells_and_the_owner_adjusts",),
    ),
    Defect(
        "out-since-the-last-tap",
        "goods count as out since the last customer who asked, and the days before are lost",
        (Edit("terminal_client/core/stock.py", "if before > 0 >= units:", "if units <= 0:"),),
        (f"{STOCK}::test_an_item_is_out_since_the_sale_that_took_the_last",),
    ),
    Defect(
        "fates-too-long-for-the-wire",
        "a delivery with many decided claims is larger than an envelope, and no terminal hears of it",
        (
            Edit(
                "server/deliveries/telling.py", "DELIVERY_BYTES_MOST = MAX_BYTES - 512", "DELIVERY_BYTES_MOST = 1 << 20"
            ),
        ),
        (
            "tests/server/deliveries/test_service.py::test_the_fates_of_many_claims_fit_into_an_envelope_or_are_left_out",
        ),
    ),
)
