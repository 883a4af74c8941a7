"""What the boot chooser decides."""

from dataclasses import replace

import pytest
from releases import in_slot, small_release

from firmware_sim.slots import RecordedSlots
from terminal_client.core import booting
from terminal_client.core.booting import Record, Returned, Seen


def two_releases() -> RecordedSlots:
    return RecordedSlots(in_slot("a", small_release("1.0.0")) | in_slot("b", small_release("2.0.0")))


ON_TRIAL = Record(chosen="b", confirmed=False, tries_left=3, previous="a", version="2.0.0")


def test_a_machine_without_a_record_starts_its_image() -> None:
    start = booting.choose(RecordedSlots(), booting.read(RecordedSlots()))
    assert (start.slot, start.trial) == ("image", False)


def test_a_record_comes_back_as_it_was_kept() -> None:
    slots = two_releases()
    record = replace(ON_TRIAL, returned=Returned("1.5.0", "no_store", 3), last_failure="ended")
    booting.keep(slots, record)
    assert booting.read(slots) == record


@pytest.mark.parametrize("damage", [b"", b"{}", b"[1]", b'{"chosen": "b"'])
def test_a_record_that_cannot_be_read_starts_the_image(damage: bytes) -> None:
    assert booting.read(RecordedSlots({"boot.json": damage})) == Record()


def test_a_record_with_one_letter_changed_is_none() -> None:
    slots = two_releases()
    booting.keep(slots, ON_TRIAL)
    slots.files["boot.json"] = slots.files["boot.json"].replace(b'"tries_left": 3', b'"tries_left": 9')
    assert booting.read(slots) == Record()


def test_a_new_release_gets_three_tries_and_then_the_old_one_starts_with_the_reason() -> None:
    slots, record = two_releases(), ON_TRIAL
    for left in (2, 1, 0):
        start = booting.choose(slots, record)
        assert (start.slot, start.trial, start.record.tries_left) == ("b", True, left)
        record = booting.failed(slots, start.record, "ended")
    assert (record.chosen, record.confirmed) == ("a", True)
    assert record.returned == Returned("2.0.0", "ended", 3)


def test_a_machine_that_loses_power_in_each_try_goes_back_too() -> None:
    slots, record = two_releases(), ON_TRIAL
    for _ in range(3):
        record = booting.choose(slots, record).record
    start = booting.choose(slots, record)
    assert (start.slot, start.record.returned) == ("a", Returned("2.0.0", "interrupted", 3))


def test_a_release_that_is_not_whole_is_never_started() -> None:
    slots = two_releases()
    slots.remove("b/RELEASE.json")
    start = booting.choose(slots, ON_TRIAL)
    assert (start.slot, start.record.returned) == ("a", Returned("2.0.0", "slot_damaged", 0))
    slots.remove("a/RELEASE.json")
    assert booting.choose(slots, ON_TRIAL).slot == "image"


def test_what_runs_cannot_be_switched_to_and_a_trial_ends_before_the_next() -> None:
    slots = two_releases()
    for record, slot in [(Record(chosen="b"), "b"), (ON_TRIAL, "a")]:
        with pytest.raises(ValueError, match="cannot be tried"):
            booting.switched(slots, record, slot, "2.0.0")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (Seen(elapsed_s=5), "wait"),
        (Seen(elapsed_s=5, running=False), "ended"),
        (Seen(elapsed_s=500), "no_screens"),
        (Seen(elapsed_s=500, screens=True), "not_ready"),
        (Seen(elapsed_s=5, screens=True, store=False), "no_store"),
        (Seen(elapsed_s=5, screens=True, store=True, refuses=True), "unhealthy"),
        (Seen(elapsed_s=5, screens=True, store=True), "wait"),
        (Seen(elapsed_s=5, screens=True, store=True, exchanged=True), "confirm"),
        (Seen(elapsed_s=500, screens=True, store=True, reachable=True), "no_exchange"),
        (Seen(elapsed_s=500, screens=True, store=True), "confirm"),
    ],
)
def test_a_trial_is_judged_by_what_is_seen_from_outside(seen: Seen, verdict: str) -> None:
    assert booting.judge(seen) == verdict


def test_a_new_release_goes_where_neither_what_runs_nor_the_way_back_lies() -> None:
    assert booting.free_slot(Record()) == "a"
    assert booting.free_slot(Record(chosen="a", previous="image")) == "b"
    assert booting.free_slot(Record(chosen="b", previous="a")) == "a"
