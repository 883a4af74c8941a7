"""Defects at the counter: goods that were not scanned, orders that were not placed, paper that lies."""

from planting import Defect, Edit

CODES = "tests/terminal_client/core/test_codes.py"
SCANS = "tests/terminal_client/core/test_scans.py"
PAPER = "tests/terminal_client/adapters/test_paper.py"
PRINTING = "tests/terminal_client/core/test_printing.py"
SCREENS = "tests/terminal_client/ui/test_counter.py"

DEFECTS = (
    Defect(
        "check-digits-believed",
        "a scratched code orders the goods of another one",
        (
            Edit(
                "terminal_client/core/codes.py",
                "    return (10 - total % 10) % 10 == int(digits[-1])\n",
                "    return total >= 0\n",
            ),
        ),
        (f"{CODES}::test_one_wrong_digit_never_passes",),
    ),
    Defect(
        "day-zero-is-the-first",
        "goods count as expired a month too early",
        (Edit("terminal_client/core/codes.py", "day or monthrange(century + year, month)[1]", "day or 1"),),
        (f"{CODES}::test_a_date_is_of_the_century_that_is_near_and_day_zero_is_the_last_of_the_month",),
    ),
    Defect(
        "long-scans-cut",
        "of a scanner gone mad the first characters are taken for a code",
        (
            Edit(
                "terminal_client/core/codes.py",
                '    if len(raw) > MOST_CHARACTERS + len(ENDS):\n        raise UnreadableError("too_long")\n',
                "    raw = raw[:MOST_CHARACTERS]\n",
            ),
        ),
        (f"{CODES}::test_anything_else_is_refused_and_the_reason_is_named",),
    ),
    Defect(
        "separators-passed-over",
        "a serial number becomes a part of the batch",
        (
            Edit(
                "terminal_client/core/codes.py",
                "            value, _, rest = rest.partition(GS)\n",
                '            value, rest = rest.replace(GS, ""), ""\n',
            ),
        ),
        (f"{CODES}::test_batch_and_serial_come_back_as_they_were_printed",),
    ),
    Defect(
        "leading-zeros-dropped",
        "two numbers that differ in a zero are the same goods",
        (
            Edit(
                "terminal_client/core/scans.py",
                "if text == item.sku or",
                'if text.lstrip("0") == item.sku.lstrip("0") or',
            ),
        ),
        (f"{SCANS}::test_leading_zeros_are_part_of_a_code",),
    ),
    Defect(
        "a-case-is-a-pack",
        "who scans a case is sent a fiftieth of it",
        (
            Edit(
                "terminal_client/core/scans.py",
                "                return item, case.units\n",
                "                return item, item.pack_units\n",
            ),
        ),
        (f"{SCANS}::test_a_code_names_goods_and_what_one_scan_stands_for",),
    ),
    Defect(
        "a-repeat-counts",
        "an answer that was lost on the way orders a second pack",
        (Edit("terminal_client/core/scans.py", "            self._answers[id] = answer\n", ""),),
        (f"{SCANS}::test_a_scan_that_is_told_twice_is_acted_on_once",),
    ),
    Defect(
        "taken-before-it-is-kept",
        "a scan is gone where the disk was full",
        (
            Edit(
                "terminal_client/core/scans.py",
                "            answer = act()\n",
                "            self._waiting.clear()\n            answer = act()\n",
            ),
        ),
        (f"{SCANS}::test_what_a_device_read_waits_in_order_until_a_screen_took_it_also_after_a_failure",),
    ),
    Defect(
        "lost-keys-unnoticed",
        "a scan of which the kernel lost keys is taken for a whole one",
        (
            Edit(
                "terminal_client/adapters/scanner.py",
                "                    keys.spoil()\n",
                "                    pass\n",
            ),
        ),
        ("tests/terminal_client/adapters/test_scanner.py::test_keys_that_the_kernel_lost_spoil_the_scan",),
    ),
    Defect(
        "a-second-tap-prints",
        "an impatient finger fills the counter with receipts",
        (
            Edit(
                "terminal_client/core/printing.py",
                "            if known is not None and known.under_way:\n                return known\n",
                "",
            ),
        ),
        (f"{PRINTING}::test_a_second_tap_while_it_prints_prints_no_second_one_and_one_afterwards_does",),
    ),
    Defect(
        "handed-over-is-printed",
        "the screen says printed of a slip that nobody has seen",
        (
            Edit(
                "terminal_client/core/printing.py",
                'return ("printed" if confirmed else "handed_over"), None',
                'return ("printed" if confirmed in (True, False) else "handed_over"), None',
            ),
        ),
        ("tests/terminal_client/core/test_printing.py::test_what_the_printer_does_not_confirm_is_not_called_printed",),
    ),
    Defect(
        "paper-not-looked-at",
        "without paper the screen says that all is printed",
        (Edit("terminal_client/adapters/paper/lines.py", "paper & NO_PAPER or cause & STOPPED_FOR_PAPER", "False"),),
        (f"{PAPER}::test_what_goes_wrong_is_known_by_its_name",),
    ),
    Defect(
        "a-receipt-before-the-receipt",
        "a shop holds paper for an order that the distributor never got",
        (
            Edit(
                "terminal_client/ui/slips.py",
                "    state = pages.text(STATES[order.state], at",
                '    state = pages.text(STATES["received"], at',
            ),
        ),
        (f"{SCREENS}::test_the_receipt_says_received_only_after_the_receipt",),
    ),
)
