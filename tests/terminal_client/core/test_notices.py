"""Notices on the terminal: taken back, corrected, pinned; who comes to a meeting; pictures fetched in parts."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
from pictures import picture

from contract.errors import Rejected
from contract.feed import Announcement, Registration
from terminal_client.core import attachments, outbox, use_cases
from terminal_client.core.attachment_fetching import PAUSE_MS, AttachmentFetcher
from terminal_client.core.ports import NotReachedError
from terminal_client.core.views import notices

PICTURE = picture(width=960, height=720)
NAME = sha256(PICTURE).hexdigest()
ID = UUID(int=7)
PAGE = {"size_bytes": len(PICTURE), "media_type": "image/jpeg", "width_px": 960, "height_px": 720}


def announce(world: Any, **changed: Any) -> Announcement:
    text = {"zh": "通知", "en": "Notice"}
    told = Announcement.model_validate(
        {
            "announcement": ID,
            "sort": "notice",
            "title": text,
            "body": text,
            "version": 1,
            "published_at": world.server.now(),
        }
        | changed
    )
    world.server.tell(f"announcement:{told.announcement}", "announcement", told)
    world.run(60)
    return told


def note(world: Any) -> notices.Note:
    found = notices.read(world.store, world.shop.clock, ID)
    assert found is not None
    return found


def test_what_was_read_stands_after_a_slip_of_the_pen_and_not_after_a_correction(world: Any) -> None:
    announce(world, must_acknowledge=True)
    assert note(world).to_confirm
    use_cases.read_announcement(world.shop, ID)
    assert not note(world).to_confirm
    announce(world, must_acknowledge=True, version=2, counts_from=1)
    assert not note(world).to_confirm
    announce(world, must_acknowledge=True, version=3)
    assert note(world).to_confirm


def test_what_was_taken_back_asks_for_nothing_and_what_is_pinned_stays_on_top(world: Any) -> None:
    announce(world, pinned=True)
    use_cases.note_display(world.shop, ID)
    assert note(world).pinned
    at = world.server.now()
    announce(world, must_acknowledge=True, withdrawn_at=at, withdrawn_why={"zh": "误发", "en": "by mistake"})
    assert (note(world).withdrawn, note(world).to_confirm, note(world).pinned) == (True, False, False)


def meeting(world: Any, **changed: Any) -> dict[str, Any]:
    now = world.server.now()
    return {
        "sort": "training",
        "starts_at": now + timedelta(days=2),
        "ends_at": now + timedelta(days=3),
        "place": {"zh": "会议室", "en": "Room"},
        "register_until": now + timedelta(days=1),
    } | changed


def test_a_shop_says_offline_that_it_comes_once_and_changes_its_mind(world: Any) -> None:
    announce(world, meeting=meeting(world))
    world.wires.http_works = False
    first = use_cases.register(world.shop, ID, coming=True)
    assert use_cases.register(world.shop, ID, coming=True) is None
    assert note(world).unanswered
    use_cases.register(world.shop, ID, coming=False)
    world.wires.http_works = True
    world.run(120)
    said = outbox.about(world.store, f"meeting:{ID}")
    assert [(entry.data["coming"], entry.state) for entry in said] == [(True, "received"), (False, "received")]
    assert said[0].id == first
    assert not note(world).unanswered
    stands = Registration(announcement=ID, state="waiting", at=world.server.now(), waiting=3)
    world.server.tell(f"registration:{ID}", "registration", stands)
    world.run(60)
    assert note(world).registration == stands


def test_what_the_server_says_of_coming_is_shown_and_can_be_changed_by_one_tap(world: Any) -> None:
    announce(world, meeting=meeting(world))
    use_cases.register(world.shop, ID, coming=True)
    assert note(world).comes
    world.run(120)
    assert use_cases.register(world.shop, ID, coming=True) is None

    by_telephone = Registration(announcement=ID, state="not_coming", at=world.server.now())
    world.server.tell(f"registration:{ID}", "registration", by_telephone)
    world.run(60)

    assert not note(world).comes
    assert use_cases.register(world.shop, ID, coming=True) is not None
    assert note(world).comes
    assert use_cases.register(world.shop, ID, coming=True) is None


def test_after_the_last_instant_or_when_it_is_called_off_nobody_registers(world: Any) -> None:
    announce(world, meeting=meeting(world, called_off=True))
    with pytest.raises(Rejected, match="called off"):
        use_cases.register(world.shop, ID, coming=True)
    announce(world, version=2, meeting=meeting(world, register_until=world.server.now() - timedelta(minutes=1)))
    with pytest.raises(Rejected) as refused:
        use_cases.register(world.shop, ID, coming=True)
    assert refused.value.code == "registration_over"
    assert not note(world).open_at(world.shop.clock.now())


@dataclass
class Shelf:
    """The server's side of attachments, in memory; ``cut`` is asked before each request."""

    holds: bytes = PICTURE
    cut: Callable[[], bool] = lambda: False
    refuses: str | None = None
    asked: list[int] = field(default_factory=list)

    def part_of_attachment(self, sha256: str, offset: int, count: int) -> bytes:
        assert sha256 == NAME
        if self.cut():
            raise NotReachedError("cut")
        if self.refuses is not None:
            raise Rejected(self.refuses)
        self.asked.append(offset)
        return self.holds[offset : offset + count]


def fetch(world: Any, shelf: Shelf, steps: int = 50) -> list[int]:
    fetcher = AttachmentFetcher(world.store, world.shop.clock, shelf)
    pauses: list[int] = []
    while len(pauses) < steps and (pause_ms := fetcher.step()) is not None:
        pauses.append(pause_ms)
    return pauses


def with_picture(world: Any, **changed: Any) -> None:
    announce(
        world,
        attachments=[{"name": "a.jpg", "kind": "picture", "pages": [{"sha256": NAME} | PAGE]}],
        **changed,
    )


def test_a_picture_comes_in_parts_and_goes_on_where_it_was_cut(world: Any) -> None:
    with_picture(world)
    shelf = Shelf()
    fetch(world, shelf, steps=2)
    shelf.cut = lambda: True
    assert fetch(world, shelf, steps=2) == [PAUSE_MS, 2 * PAUSE_MS]
    assert attachments.content(world.store, NAME) is None
    world.restart()
    shelf.cut = lambda: False
    fetch(world, shelf)
    assert attachments.content(world.store, NAME) == PICTURE
    assert shelf.asked == list(range(0, len(PICTURE), attachments.PART_BYTES))  # no byte twice
    announce(world, version=2)  # nothing needs it any more
    fetch(world, shelf)
    assert attachments.here(world.store) == {}


def test_what_arrives_damaged_or_is_not_given_is_left_alone_for_a_while(world: Any) -> None:
    with_picture(world)
    fetch(world, Shelf(holds=bytes(len(PICTURE))))
    assert attachments.content(world.store, NAME) is None
    assert fetch(world, Shelf()) == []
    world.run(attachments.DAMAGED_PAUSE_MS / 1000 + 1)
    fetch(world, Shelf(refuses="attachment_unknown"))
    assert fetch(world, Shelf()) == []
    world.run(attachments.DAMAGED_PAUSE_MS / 1000 + 1)
    fetch(world, Shelf())
    assert attachments.content(world.store, NAME) == PICTURE


def test_what_is_kept_stays_within_its_bound(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attachments, "KEPT_MOST_BYTES", len(PICTURE) - 1)
    with_picture(world)
    assert fetch(world, Shelf()) == []
    assert attachments.here(world.store) == {}
