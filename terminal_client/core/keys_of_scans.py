"""A scanner that behaves as a keyboard: its keys become scans. Pure; times are handed in.

What is read is the wire of a Linux input device. The layout is the American one, which scanners send unless they are
told otherwise; GS arrives as Ctrl+] or F8.

Source: linux/input-event-codes.h.
"""

from dataclasses import dataclass, field

from terminal_client.core.codes import GS, MOST_CHARACTERS

PRESSED, RELEASED = 1, 0
SHIFTS, CONTROLS = frozenset({42, 54}), frozenset({29, 97})
ENDS = frozenset({28, 96, 15})
BRACKET, F8 = 27, 66
#: A scan that stops in the middle is over after so long.
PAUSE_MS = 300

_ROWS = {
    2: ("1234567890-=", "!@#$%^&*()_+"),
    16: ("qwertyuiop[]", "QWERTYUIOP{}"),
    30: ("asdfghjkl;'`", 'ASDFGHJKL:"~'),
    43: ("\\zxcvbnm,./", "|ZXCVBNM<>?"),
    55: ("*", "*"),
    57: (" ", " "),
    71: ("789-456+1230.", "789-456+1230."),
}
CHARACTERS = {
    first + place: (plain, shifted)
    for first, (small, large) in _ROWS.items()
    for place, (plain, shifted) in enumerate(zip(small, large, strict=True))
}


@dataclass
class KeyReader:
    """Collects keys until an end mark. A scan that is too long or holds other keys is handed on as unreadable."""

    _typed: list[str] = field(default_factory=list)
    _shift: set[int] = field(default_factory=set)
    _control: set[int] = field(default_factory=set)
    _last_ms: int = 0

    def take(self, code: int, value: int, at_ms: int) -> str | None:
        """Take one key's event; return a scan's text where it ends here."""
        for held, keys in ((self._shift, SHIFTS), (self._control, CONTROLS)):
            if code in keys:
                (held.add if value != RELEASED else held.discard)(code)
                return None
        if value != PRESSED:
            return None
        if self._typed and at_ms - self._last_ms > PAUSE_MS:
            self._typed.clear()
        self._last_ms = at_ms
        if code in ENDS:
            text = "".join(self._typed)
            self._typed.clear()
            return text or None
        if len(self._typed) <= MOST_CHARACTERS:
            self._typed.append(self._character(code))
        return None

    def spoil(self) -> None:
        """Note that keys were lost: the scan that they belong to is refused."""
        self._typed.append("\x00")

    def forget(self) -> None:
        """Drop a scan that has begun and the keys that are held: the device is gone."""
        self._typed.clear()
        self._shift.clear()
        self._control.clear()

    def _character(self, code: int) -> str:
        if code == F8 or (code == BRACKET and self._control):
            return GS
        if code in CHARACTERS and not self._control:
            plain, shifted = CHARACTERS[code]
            return shifted if self._shift else plain
        return "\x00"  # no scan holds it: what it stands in is refused as a whole
