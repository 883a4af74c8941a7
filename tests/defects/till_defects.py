"""Defects of the till: each would lose a shopkeeper's words, order him too much, or open the till to anybody."""

from planting import Defect, Edit

CORE, SCREENS = "tests/terminal_client/core", "tests/terminal_client/ui"

DEFECTS = (
    Defect(
        "codes-as-numbers",
        "a code without its leading zeros finds another item",
        (
            Edit(
                "terminal_client/core/finding.py",
                "[word for word in map(fold,",
                '[word.lstrip("0") for word in map(fold,',
            ),
        ),
        (f"{CORE}/test_finding.py::test_a_code_keeps_its_leading_zeros",),
    ),
    Defect(
        "one-reading-only",
        "an item whose name has a character of two readings is not found by the other one",
        (Edit("terminal_client/core/finding.py", "pinyin.readings(c) or (c,)", "pinyin.readings(c)[:1] or (c,)"),),
        (f"{CORE}/test_finding.py::test_each_reading_of_a_character_finds_it",),
    ),
    Defect(
        "a-word-eats-all-letters",
        "choosing a word for the first syllables throws the other letters away",
        (
            Edit(
                "terminal_client/core/pinyin.py",
                "        taken = _letters(typed, first, count)\n",
                "        taken = whole\n",
            ),
        ),
        (f"{CORE}/test_pinyin.py::test_a_sentence_that_is_no_word_is_put_together_and_shorter_words_follow",),
    ),
    Defect(
        "suggesting-above-the-limit",
        "a tap on the suggestion makes an order that is refused",
        (
            Edit(
                "terminal_client/core/suggesting.py",
                "    allowed = units if most is None else min(units, most)\n",
                "    allowed = units + 0 * (most or 0)\n",
            ),
        ),
        (f"{CORE}/test_suggesting.py::test_a_limit_holds_it_back_and_says_so",),
    ),
    Defect(
        "suggesting-what-is-there",
        "the shop is told to order what stands on its shelves",
        (Edit("terminal_client/core/suggesting.py", " - 100 * max(0, known.on_hand_units or 0)", ""),),
        (f"{CORE}/test_suggesting.py",),
    ),
    Defect(
        "a-free-try-by-power-cut",
        "who pulls the plug after each wrong PIN tries as many as he likes",
        (
            Edit(
                "terminal_client/core/pins.py",
                '        self._store.choose("pin.wrong", str(self.wrong_tries() + 1))\n        for role in ROLES:\n',
                "        for role in ROLES:\n",
            ),
        ),
        (f"{CORE}/test_pins.py::test_a_try_is_counted_before_it_is_looked_at",),
    ),
    Defect(
        "waiting-ends-with-a-restart",
        "a power switch takes the waiting time away",
        (
            Edit(
                "terminal_client/core/pins.py",
                "        self._tried_at_ms = clock.monotonic_ms()\n        self._role",
                "        self._tried_at_ms = clock.monotonic_ms() - MOST_WAIT_MS\n        self._role",
            ),
        ),
        (f"{CORE}/test_pins.py::test_a_restart_does_not_shorten_the_waiting_and_neither_does_a_wrong_clock",),
    ),
    Defect(
        "polling-keeps-it-open",
        "a terminal that nobody touches never locks, because its banner looks for news",
        (Edit("terminal_client/ui/access.py", 'BY_ITSELF = ("/banner", "/order/live", ', "BY_ITSELF = ("),),
        (f"{SCREENS}/test_lock.py::test_it_locks_by_itself_warns_before_and_keeps_the_draft",),
    ),
    Defect(
        "a-clerk-sets-pins",
        "a clerk gives himself the owner's rights",
        (Edit("terminal_client/ui/access.py", '    ("POST", "/pins"),\n', ""),),
        (f"{SCREENS}/test_lock.py::test_what_is_the_owners_asks_a_clerk_for_the_owners_pin",),
    ),
    Defect(
        "other-terminals-orders-forgotten",
        "a shop with two terminals is shown a limit and a credit that it has used up already",
        (
            Edit(
                "terminal_client/core/views/order_screen.py",
                "    for order in other:\n",
                "    for order in ():\n",
            ),
        ),
        (f"{SCREENS}/test_screens.py::test_other_orders_of_the_cycle_take_their_share_of_credit_and_limit",),
    ),
)
