"""What the distributor sets on terminals and asks them to do: the names and values that both sides know.

Settings: the *desired* state is the distributor's, the *reported* one the terminal's; each counts its versions. A
setting has a keeper. The shop's own settings follow a desired value once; what the shop chooses afterwards stands until
the distributor sets the setting again. A setting that is *held*, and every one of the distributor's, follows it always:
the terminal says who set it and takes no other choice. One that is no longer held goes back to the shop's own choice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Keeper = Literal["shop", "distributor"]


@dataclass(frozen=True)
class Setting:
    """The values that a setting can have, the usual one first, and whose it is where nothing is held."""

    values: tuple[str, ...]
    keeper: Keeper = "shop"


SETTINGS: Final[Mapping[str, Setting]] = {
    "language": Setting(("zh", "en")),
    "theme": Setting(("auto", "light", "dark")),
    "size": Setting(("normal", "large")),
    "keys": Setting(("yes", "no")),
    "sound": Setting(("on", "off")),
    "log_level": Setting(("warning", "debug", "info", "error"), "distributor"),
    "channel": Setting(("stable", "early", "canary"), "distributor"),
}

COMMAND_KINDS: Final = ("sync", "restart", "diagnose", "identify", "clear_cache", "print_test", "update")
"""What a terminal can be asked to do; one that does not know a kind answers ``rejected`` with ``unknown_kind``."""

CommandState = Literal["in_progress", "succeeded", "failed", "rejected", "interrupted", "expired", "cancelled"]
"""What a terminal says of a command. All but the first are last words.

``interrupted``: it was begun, and the terminal came up again without knowing how it ended; it is never begun again.
``expired``: its time was over before it was begun, or, of an update, before anything was changed by it.
``cancelled``: called back before that, or another update was asked for in its place.
"""

OPEN_MOST: Final = 16
"""Commands that may be open for one terminal."""
LOG_LINES_MOST: Final = 60
LOG_LINE_MOST: Final = 200
FACTS_MOST: Final = 40
