"""``make seed-large``, or ``python -m loadtests.seeding``: fill the database of a running, empty installation."""

import argparse
import sys
import time

from loadtests.seeding import LARGE, NotEmptyError, fill
from server.kit.runtime import NotRunningError, open_runtime, running
from server.kit.settings import Settings


def main() -> None:
    """Fill the installation that the settings name; exit 1 where it does not run or is not empty."""
    argparse.ArgumentParser(prog="make seed-large", description=__doc__).parse_args()
    settings = Settings()
    started = time.perf_counter()
    try:
        with open_runtime(settings, need_broker=False) as runtime:
            given = settings.database_owner_url
            owner = given.get_secret_value() if given else running(settings)["owner_url"]
            fill(runtime, LARGE, owner_url=owner, told=_told)
    except (NotEmptyError, NotRunningError) as error:
        sys.exit(f"evenhand: {error}")
    _say(f"{time.perf_counter() - started:7.1f} s  in all: {LARGE.retailers:,} retailers, {LARGE.cycles} cycles")


def _told(what: str, seconds: float) -> None:
    _say(f"{seconds:7.1f} s  {what}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - a command speaks


if __name__ == "__main__":
    main()
