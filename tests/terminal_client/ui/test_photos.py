"""Photos on the screens: added, looked at, taken away; refused in words, with what was written kept."""

from typing import Any

import apsw
import pytest
from pictures import named, picture
from till import OURS, Till

from contract.photos import MOST_PHOTOS
from terminal_client.core import feedback_use_cases, photos

PHOTO = picture()
AT = "/photos?place=feedback"


def add(till: Till, content: bytes, at: str = AT) -> Any:
    return till.client.post(at, data=content, headers=OURS | {"HX-Request": "true"})


def test_a_photo_is_kept_at_once_shown_small_and_taken_away(till: Till) -> None:
    feedback_use_cases.keep(till.shop, kind="complaint", category="goods", words="wet")
    assert "data-take hidden" in till.client.get("/say/send").text
    name = named(PHOTO).sha256
    assert f'src="/photos/{name}"' in add(till, PHOTO).text
    shown = till.client.get(f"/photos/{name}")
    assert (shown.data, shown.mimetype, shown.headers["X-Content-Type-Options"]) == (PHOTO, "image/jpeg", "nosniff")
    assert f'src="/photos/{name}"' in till.client.get("/say/send").text
    away = till.client.post("/photos/away", data={"place": "feedback", "sha256": name}, headers=OURS)
    assert name not in away.text
    assert till.client.get(f"/photos/{name}").status_code == 404


def test_no_more_is_offered_than_is_taken_and_what_is_no_photo_is_refused_in_words(till: Till) -> None:
    assert "This is no photo" in add(till, b"<html>").text
    for seed in range(MOST_PHOTOS):
        last = add(till, picture(seed=seed)).text
    assert "data-take" not in last
    assert "Take one away first" in add(till, picture(seed=9)).text


@pytest.mark.parametrize("place", ["", "settings", "delivery:x:GOLD", "appeal:1", "feedback:thrown"])
def test_a_place_where_nothing_is_written_takes_none(till: Till, place: str) -> None:
    assert add(till, PHOTO, f"/photos?place={place}").status_code == 404


def test_a_full_disk_is_said_beside_the_photo(till: Till, monkeypatch: Any) -> None:
    def full(*_given: Any, **_more: Any) -> str:
        raise apsw.FullError("disk full")

    monkeypatch.setattr(photos, "keep", full)
    assert "The disk is full" in add(till, PHOTO).text


def test_the_page_says_truthfully_that_a_photo_waits(till: Till) -> None:
    add(till, PHOTO)
    feedback_use_cases.keep(till.shop, kind="complaint", category="goods", words="wet")
    till.client.post("/say/send", headers=OURS)
    assert "1 photo waiting to be sent" in till.client.get("/say").text
    photos.settle(till.store, named(PHOTO).sha256, "received", at_ms=1)
    assert "1 photo received" in till.client.get("/say").text
