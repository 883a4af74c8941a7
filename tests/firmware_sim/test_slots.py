"""An update on simulated flash: the power is cut after every operation, in every way, and something boots."""

import random
from collections import Counter
from collections.abc import Iterator

import pytest
from releases import boots, in_slot, small_release

from firmware_sim.flash import images
from firmware_sim.slots import RecordedSlots
from terminal_client.core import booting, staging
from terminal_client.core.booting import Record


def updated(slots: RecordedSlots) -> None:
    """Carry out an update from what runs in slot a to 2.0.0 in slot b, as updater and chooser do it, to its end."""
    manifest, files = small_release("2.0.0")
    for _ in staging.stage(slots, "b", manifest, files):
        pass
    booting.keep(slots, booting.switched(slots, booting.read(slots), "b", manifest.version))
    booting.keep(slots, booting.choose(slots, booting.read(slots)).record)
    booting.keep(slots, booting.confirmed(booting.read(slots)))


def with_the_old_one() -> RecordedSlots:
    slots = RecordedSlots(in_slot("a", small_release("1.0.0")) | in_slot("b", small_release("0.9.0", count=5)))
    booting.keep(slots, Record(chosen="a", version="1.0.0", previous="b"))
    return slots


def cuts(slots: RecordedSlots, after: int, seeds: int = 6) -> Iterator[RecordedSlots]:
    """Return the flash as each cut leaves it, on a file system that promises no more than POSIX."""
    for seed in range(seeds):
        chance = random.Random(seed)  # noqa: S311 - which sectors are lost, not a secret
        for image in images(slots.tape, chance, names_by_sync=False):
            if image.at >= after:
                yield RecordedSlots(image.files)


def holds(slots: RecordedSlots) -> str:
    """Return what boots; say so where it is not whole, or where a slot says that it is and is not."""
    start = booting.choose(slots, booting.read(slots))
    if start.slot == "image":
        return "the image"
    for slot in booting.SLOTS:
        if booting.whole(slots, slot) and boots(slots, Record(chosen=slot)) is None:
            return f"{slot} is mixed"
    return boots(slots, start.record) or "nothing"


def at_the_end(slots: RecordedSlots) -> set[str]:
    """Return what boots where the power is cut after all was said to be done."""
    return {holds(left) for left in cuts(slots, len(slots.tape))}


def test_wherever_the_power_is_cut_the_old_or_the_new_release_boots() -> None:
    slots = with_the_old_one()
    installed = len(slots.tape)
    updated(slots)
    found = Counter(holds(left) for left in cuts(slots, installed))
    assert set(found) == {"1.0.0", "2.0.0"}
    assert found.total() > 500
    assert min(found.values()) > 20
    assert at_the_end(slots) == {"2.0.0"}


def test_after_any_cut_the_update_can_be_begun_again_and_ends() -> None:
    slots = with_the_old_one()
    installed = len(slots.tape)
    updated(slots)
    for left in cuts(slots, installed, seeds=1):
        start = booting.choose(left, booting.read(left))
        if start.record.version == "1.0.0":
            booting.keep(left, start.record)
            updated(left)
        else:
            booting.keep(left, booting.confirmed(start.record))
        assert boots(left, booting.read(left)) == "2.0.0"


@pytest.mark.parametrize("forgotten", ["sync", "sync_names", "empty"])
def test_an_update_that_forgets_a_step_is_found_out(forgotten: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plant the three mistakes that such code has; the cuts above must show each."""
    slots = with_the_old_one()
    installed = len(slots.tape)
    with monkeypatch.context() as planted:
        planted.setattr(staging if forgotten == "empty" else RecordedSlots, forgotten, lambda *_: None)
        updated(slots)
    torn = {holds(left) for left in cuts(slots, installed)} - {"1.0.0", "2.0.0"}
    assert torn or at_the_end(slots) != {"2.0.0"}


def test_a_full_flash_leaves_what_runs_and_says_so() -> None:
    slots = with_the_old_one()
    room = sum(len(data) for path, data in slots.files.items() if not path.startswith("b/"))
    small = RecordedSlots(slots.files, room_bytes=room + 900)
    manifest, files = small_release("2.0.0")
    with pytest.raises(OSError, match="no room"):
        list(staging.stage(small, "b", manifest, files))
    assert not booting.whole(small, "b")
    assert boots(small, booting.choose(small, booting.read(small)).record) == "1.0.0"
