"""Photos from the camera to the server's word that it has them whole: cut, damaged, refused, forgotten, a full disk."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import apsw
import pytest
from pictures import named, picture

from contract.errors import Rejected
from contract.feed import Delivery, ShippedLine
from contract.photos import MOST_BYTES, MOST_PHOTOS, PhotoState
from terminal_client.core import feedback_use_cases, outbox, photos, use_cases
from terminal_client.core.delivery_rules import Count
from terminal_client.core.photo_sending import BEGUN_MOST, PAUSE_MS, PhotoSender
from terminal_client.core.ports import NotReachedError

PHOTO = picture(width=960, height=720)
NAME = named(PHOTO).sha256
DAMAGED = Count(difference="damaged", difference_units=2, held_units=2, reason="wet")


@dataclass
class Shelf:
    """The server's side of photos, in memory; ``cut`` is asked before each request."""

    have: dict[str, bytes] = field(default_factory=dict)
    cut: Callable[[], bool] = lambda: False
    refuses: str | None = None
    spoils: bool = False
    asked: list[tuple[str, int]] = field(default_factory=list)

    def photo_state(self, sha256: str) -> PhotoState:
        return self._answer(sha256)

    def add_to_photo(self, sha256: str, offset: int, part: bytes) -> PhotoState:
        there = self.have.get(sha256, b"")
        self.asked.append((sha256, offset))
        if offset == len(there):
            self.have[sha256] = there + part
        return self._answer(sha256)

    def _answer(self, sha256: str) -> PhotoState:
        if self.cut():
            raise NotReachedError("cut")
        if self.refuses is not None:
            raise Rejected(self.refuses)
        there = self.have.get(sha256, b"")
        if len(there) == len(PHOTO) and self.spoils:
            there = self.have[sha256] = b""
        return PhotoState(sha256=sha256, have_bytes=len(there), complete=len(there) == len(PHOTO))


def send_all(sender: PhotoSender) -> list[int]:
    """Go on until nothing waits; return the pauses that were wanted."""
    pauses = []
    while (pause_ms := sender.step()) is not None:
        pauses.append(pause_ms)
        assert len(pauses) < 500
    return pauses


def complain(world: Any) -> UUID:
    photos.keep(world.store, photos.FEEDBACK, PHOTO, at_ms=1)
    feedback_use_cases.keep(world.shop, kind="complaint", category="goods", words="wet")
    return feedback_use_cases.send(world.shop)


@pytest.fixture
def delivery(world: Any, make: Any) -> Delivery:
    shipped = Delivery(
        delivery=make.id(world.clock.at_ms, world.chance),
        number=7,
        cycle=make.id(world.clock.at_ms, world.chance),
        state="shipped",
        shipped_at=world.server.now(),
        lines=tuple(ShippedLine(sku=sku, shipped_units=12, granted_units=12) for sku in ("GOLD", "BLUE")),
    )
    world.server.tell(f"delivery:{shipped.delivery}", "delivery", shipped)
    world.run(2)
    return shipped


def test_a_photo_is_named_by_its_claim_and_follows_after_the_receipt(world: Any, delivery: Delivery) -> None:
    for sku in ("GOLD", "BLUE"):
        photos.keep(world.store, photos.at_line(delivery.delivery, sku), PHOTO, at_ms=1)
    use_cases.count_line(world.shop, delivery.delivery, "GOLD", DAMAGED)
    world.wires.http_works = False
    message = use_cases.confirm_delivery(world.shop, delivery.delivery, rest_as_listed=True)
    lines = {line["sku"]: line for line in outbox.find(world.store, message).data["lines"]}
    assert lines["GOLD"]["photos"] == [{"sha256": NAME, "size_bytes": len(PHOTO)}]
    assert "photos" not in lines["BLUE"]

    shelf = Shelf()
    sender = PhotoSender(world.store, world.shop.clock, shelf)
    assert sender.step() is None
    world.restart()
    assert [photo.state for photo in photos.of_message(world.store, message, "GOLD")] == ["waiting"]
    assert photos.count_waiting(world.store) == 1
    world.wires.http_works = True
    world.run(120)
    assert send_all(PhotoSender(world.store, world.shop.clock, shelf)) != []
    assert shelf.have[NAME] == PHOTO
    assert [photo.state for photo in photos.of_message(world.store, message, "GOLD")] == ["received"]
    assert photos.count_waiting(world.store) == 0


def test_what_is_cut_goes_on_where_it_stands_and_waits_ever_longer(world: Any) -> None:
    complain(world)
    world.run(60)
    shelf = Shelf()
    sender = PhotoSender(world.store, world.shop.clock, shelf)
    sender.step()
    sender.step()
    shelf.cut = lambda: True
    assert [sender.step() for _ in range(3)] == [PAUSE_MS, 2 * PAUSE_MS, 4 * PAUSE_MS]
    shelf.cut = lambda: False
    send_all(PhotoSender(world.store, world.shop.clock, shelf))
    assert shelf.have[NAME] == PHOTO
    assert [offset for _, offset in shelf.asked].count(0) == 1


def test_what_never_arrives_whole_is_given_up_in_words(world: Any) -> None:
    message = complain(world)
    world.run(60)
    shelf = Shelf(spoils=True)
    send_all(PhotoSender(world.store, world.shop.clock, shelf))
    (photo,) = photos.of_message(world.store, message)
    assert (photo.state, photo.code) == ("refused", "photo_damaged")
    assert [offset for _, offset in shelf.asked].count(0) == BEGUN_MOST + 1


def test_a_photo_that_the_server_does_not_take_says_why_and_the_complaint_stands(world: Any) -> None:
    message = complain(world)
    world.run(60)
    send_all(PhotoSender(world.store, world.shop.clock, Shelf(refuses="photos_full")))
    (photo,) = photos.of_message(world.store, message)
    assert (photo.state, photo.code) == ("refused", "photos_full")
    assert outbox.find(world.store, message).state == "received"


def test_a_server_that_was_restored_is_asked_again_for_each_photo(world: Any) -> None:
    backup = world.server.backup()
    message = complain(world)
    world.run(60)
    send_all(PhotoSender(world.store, world.shop.clock, Shelf()))
    world.server.restore(backup, history="another")
    world.run(1200)
    assert outbox.find(world.store, message).state == "received"
    assert [photo.state for photo in photos.of_message(world.store, message)] == ["waiting"]
    shelf = Shelf()
    send_all(PhotoSender(world.store, world.shop.clock, shelf))
    assert shelf.have[NAME] == PHOTO


def test_photos_of_a_refused_message_are_kept_and_not_sent(world: Any) -> None:
    world.server.decide = lambda kind, _envelope: ("feedback_empty" if kind == "feedback.send" else None, {})
    message = complain(world)
    world.run(60)
    assert PhotoSender(world.store, world.shop.clock, Shelf()).step() is None
    assert [photo.state for photo in photos.of_message(world.store, message)] == ["kept"]


def test_what_is_no_photo_too_large_or_too_many_is_not_kept(world: Any) -> None:
    def code(content: bytes, place: str = photos.FEEDBACK) -> str:
        with pytest.raises(Rejected) as refused:
            photos.keep(world.store, place, content, at_ms=1)
        return refused.value.code

    assert code(b"<html>") == "photo_no_picture"
    assert code(PHOTO + b"\0" * MOST_BYTES) == "photo_too_large"
    for seed in range(MOST_PHOTOS):
        photos.keep(world.store, photos.FEEDBACK, picture(seed=seed), at_ms=seed)
    photos.keep(world.store, photos.FEEDBACK, picture(seed=0), at_ms=9)
    assert code(picture(seed=9)) == "photo_too_many"
    first = photos.of_draft(world.store, photos.FEEDBACK)[0]
    photos.take_away(world.store, photos.FEEDBACK, first.sha256)
    assert photos.content(world.store, first.sha256) is None
    assert len(photos.of_draft(world.store, photos.FEEDBACK)) == MOST_PHOTOS - 1


def test_what_was_thrown_away_comes_back_with_its_photo_and_never_goes_with_another(world: Any) -> None:
    photos.keep(world.store, photos.FEEDBACK, PHOTO, at_ms=1)
    feedback_use_cases.keep(world.shop, words="wet")
    thrown = feedback_use_cases.let_go(world.shop)
    assert photos.of_draft(world.store, photos.FEEDBACK) == []
    feedback_use_cases.put_back(world.shop, thrown)
    assert [photo.sha256 for photo in photos.of_draft(world.store, photos.FEEDBACK)] == [NAME]


def test_on_a_full_disk_no_photo_is_kept_and_nothing_else_is_lost(world: Any, monkeypatch: Any) -> None:
    feedback_use_cases.keep(world.shop, words="wet")
    real = world.store.execute

    def full(sql: str, values: Any = ()) -> int:
        if "draft_photo" in sql:
            raise apsw.FullError("disk full")
        done: int = real(sql, values)
        return done

    monkeypatch.setattr(world.store, "execute", full)
    with pytest.raises(apsw.FullError):
        photos.keep(world.store, photos.FEEDBACK, PHOTO, at_ms=1)
    monkeypatch.undo()
    assert photos.content(world.store, NAME) is None
    feedback_use_cases.keep(world.shop, kind="complaint", category="goods")
    assert feedback_use_cases.send(world.shop) is not None
