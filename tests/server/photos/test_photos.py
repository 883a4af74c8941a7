"""Photos from their name in a message to the console's page, on the real database; and every way they are refused."""

from datetime import timedelta
from uuid import UUID

import pytest
from devices import signing
from factories import NOW, make_device, make_retailer, make_sku, publish_grants, send
from pictures import named, picture
from sqlalchemy import select
from sqlalchemy.orm import Session

from contract.errors import Rejected
from contract.messages import ConfirmDelivery, ConfirmedLine, SendFeedback
from contract.photos import PART_BYTES, Photo, PhotoState
from server.deliveries import queries as delivery_queries
from server.deliveries import service as deliveries
from server.kit.db import act_for, transaction
from server.kit.identity import Operator, Sender
from server.photos import queries
from server.photos import service as photos
from server.photos.models import PhotoRow

PLANNER = Operator(1, "planner-1", frozenset({"planner"}))
LATER = NOW + timedelta(hours=1)
WHOLE = picture(width=960, height=720)
PARTS = [(at, WHOLE[at : at + PART_BYTES]) for at in range(0, len(WHOLE), PART_BYTES)]


@pytest.fixture
def shops(sessions) -> list[Sender]:
    with transaction(sessions) as session:
        make_sku(session, "A", pack_units=12)
        for code in ("R1", "R2"):
            make_retailer(session, code)
        return [make_device(session, code) for code in ("R1", "R2")]


def complain(session: Session, shop: Sender, *contents: bytes, category: str = "goods") -> UUID:
    said = SendFeedback(
        kind="complaint", category=category, words="look", photos=tuple(named(content) for content in contents)
    )
    receipt = send(session, shop, "feedback.send", said)
    assert receipt.outcome == "accepted"
    return receipt.message


def send_whole(session: Session, retailer: str, content: bytes, name: str | None = None) -> PhotoState:
    known = named(content).sha256 if name is None else name
    state = photos.state(session, retailer, known)
    for at in range(0, len(content), PART_BYTES):
        state = photos.add_part(session, retailer, known, at, content[at : at + PART_BYTES], at=LATER)
    return state


def test_a_photo_takes_more_than_one_part():
    assert len(PARTS) > 1


def test_a_claim_is_received_without_its_photo_and_the_photo_follows(session, shops):
    cycle = publish_grants(session, {"R1": {"A": 24}})
    deliveries.dispatch_cycle(session, cycle, PLANNER, at=NOW)
    (delivery,) = delivery_queries.deliveries(session, cycle=cycle)
    line = ConfirmedLine(
        sku="A",
        accepted_units=12,
        held_units=12,
        difference="damaged",
        difference_units=12,
        reason="wet",
        photos=(named(WHOLE),),
    )
    message = ConfirmDelivery(delivery=delivery.id, confirmed_at=NOW, lines=(line,))
    assert send(session, shops[0], "delivery.confirm", message).number == delivery.number
    (claim,) = delivery_queries.claims(session)
    (waiting,) = queries.photos_of(session, "claim", claim.id)
    assert (waiting.state, waiting.have_bytes) == ("waiting", 0)
    assert queries.content(session, "claim", claim.id, 1) is None
    assert send_whole(session, "R1", WHOLE).complete
    (there,) = queries.photos_of(session, "claim", claim.id)
    assert (there.state, there.complete_at) == ("complete", LATER)
    assert queries.content(session, "claim", claim.id, 1) == (WHOLE, "image/jpeg")


def test_parts_that_are_repeated_overlap_or_come_too_early_leave_what_is_there(session, shops):
    complain(session, shops[0], WHOLE)
    name = named(WHOLE).sha256
    assert photos.add_part(session, "R1", name, PART_BYTES, PARTS[1][1], at=NOW).have_bytes == 0
    assert photos.add_part(session, "R1", name, 0, PARTS[0][1], at=NOW).have_bytes == PART_BYTES
    assert photos.add_part(session, "R1", name, 0, PARTS[0][1], at=NOW).have_bytes == PART_BYTES
    overlapping = WHOLE[100 : 100 + PART_BYTES]
    assert photos.add_part(session, "R1", name, 100, overlapping, at=NOW).have_bytes == PART_BYTES + 100
    assert send_whole(session, "R1", WHOLE).complete
    assert photos.add_part(session, "R1", name, 0, PARTS[0][1], at=NOW).complete
    assert photos.state(session, "R1", name) == PhotoState(sha256=name, have_bytes=len(WHOLE), complete=True)


def test_what_is_not_what_its_name_says_is_not_kept_and_begins_again(session, shops):
    complain(session, shops[0], WHOLE)
    other = WHOLE[:-1] + bytes([WHOLE[-1] ^ 1])
    state = send_whole(session, "R1", other, named(WHOLE).sha256)
    assert (state.have_bytes, state.complete) == (0, False)
    assert send_whole(session, "R1", WHOLE).complete


def test_what_is_no_picture_is_refused_for_ever_and_not_kept(session, shops):
    page = b"<html><script>alert(1)</script></html>" * 100
    feedback = complain(session, shops[0], page)
    assert send_whole(session, "R1", page).refused == "photo_no_picture"
    assert photos.state(session, "R1", named(page).sha256).refused == "photo_no_picture"
    assert [one.state for one in queries.photos_of(session, "feedback", feedback)] == ["refused"]
    assert queries.content(session, "feedback", feedback, 1) is None


def test_only_what_a_message_of_the_shop_names_is_taken(session, shops):
    complain(session, shops[0], WHOLE)
    for retailer, name in (("R2", named(WHOLE).sha256), ("R1", "0" * 64)):
        with pytest.raises(Rejected) as refused:
            photos.add_part(session, retailer, name, 0, PARTS[0][1], at=NOW)
        assert refused.value.code == "photo_unknown"
    act_for(session, "R2")
    assert session.scalars(select(PhotoRow.retailer)).all() == []


def test_a_photo_that_two_complaints_name_is_sent_once(session, shops):
    first, second = complain(session, shops[0], WHOLE), complain(session, shops[0], WHOLE, WHOLE, picture(seed=2))
    assert send_whole(session, "R1", WHOLE).complete
    assert [one.state for one in queries.photos_of(session, "feedback", first)] == ["complete"]
    assert [one.state for one in queries.photos_of(session, "feedback", second)] == ["complete", "waiting"]


def test_a_part_and_a_photo_have_their_size(session, shops):
    complain(session, shops[0], WHOLE)
    with pytest.raises(Rejected) as refused:
        photos.add_part(session, "R1", named(WHOLE).sha256, 0, b"x" * (PART_BYTES + 1), at=NOW)
    assert refused.value.code == "too_large"
    too_large = Photo.model_construct(sha256="1" * 64, size_bytes=10_000_000)
    said = SendFeedback.model_construct(kind="complaint", category="goods", words="look", photos=(too_large,))
    assert send(session, shops[0], "feedback.send", said).code == "malformed"


def test_a_shop_whose_room_is_full_is_told_and_its_complaint_stands(session, shops, monkeypatch):
    monkeypatch.setattr(photos, "SHOP_MOST_MB", 0)
    complain(session, shops[0], WHOLE)
    with pytest.raises(Rejected) as refused:
        photos.add_part(session, "R1", named(WHOLE).sha256, 0, PARTS[0][1], at=NOW)
    assert refused.value.code == "photos_full"


def test_a_terminal_sends_over_http_goes_on_where_it_was_cut_and_people_see_it(app_client, signed_in, sessions, shops):
    with transaction(sessions) as session:
        feedback = complain(session, shops[0], WHOLE)
    name = named(WHOLE).sha256
    at = f"/device/v1/photos/{name}"
    mine, foreign = (signing(shop.device) for shop in shops)
    assert app_client.get(at).status_code == 401
    assert app_client.get(at, auth=foreign).json()["code"] == "photo_unknown"
    assert app_client.get(at, auth=mine).json()["have_bytes"] == 0
    offset, part = PARTS[0]
    app_client.patch(at, content=part, auth=mine, headers={"Upload-Offset": str(offset)})
    state = app_client.get(at, auth=mine).json()
    assert state["have_bytes"] == PART_BYTES
    while not state["complete"]:
        rest = WHOLE[state["have_bytes"] : state["have_bytes"] + PART_BYTES]
        headers = {"Upload-Offset": str(state["have_bytes"])}
        state = app_client.patch(at, content=rest, auth=mine, headers=headers).json()
    large = app_client.patch(at, content=b"x" * (PART_BYTES + 1), auth=mine, headers={"Upload-Offset": "0"})
    assert (large.status_code, large.json()["code"]) == (413, "too_large")

    browser = signed_in("planner")
    page = f"/console/feedback/{feedback}"
    assert f'src="{page}/photos/1"' in browser.get(page).text
    photo = browser.get(f"{page}/photos/1")
    assert photo.content == WHOLE
    assert photo.headers["Content-Type"] == "image/jpeg"
    assert photo.headers["X-Content-Type-Options"] == "nosniff"
    assert photo.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert photo.headers["Content-Disposition"] == 'inline; filename="feedback-1.jpg"'
    assert browser.get(f"{page}/photos/2").status_code == 404
    assert app_client.get(f"{page}/photos/1", headers={"Accept": "application/json"}).status_code == 401


def test_a_photo_about_an_employee_is_seen_by_who_sees_the_complaint(signed_in, sessions, shops):
    with transaction(sessions) as session:
        feedback = complain(session, shops[0], WHOLE, category="employee")
        assert send_whole(session, "R1", WHOLE).complete
    at = f"/console/feedback/{feedback}/photos/1"
    assert signed_in("planner").get(at).status_code == 404
    assert signed_in("administrator").get(at).status_code == 200


def test_an_administrator_deletes_a_photo_with_a_reason_and_that_stays(signed_in, sessions, shops):
    with transaction(sessions) as session:
        feedback = complain(session, shops[0], WHOLE)
        assert send_whole(session, "R1", WHOLE).complete
        (photo,) = queries.photos_of(session, "feedback", feedback)
    at, page = f"/console/photos/{photo.id}/delete", f"/console/feedback/{feedback}"
    assert signed_in("planner").post(at, data={"why": "a face"}).status_code == 403
    browser = signed_in("administrator")
    assert browser.post(at, data={"why": " "}).status_code == 422
    assert browser.post(at, data={"why": "a face"}).headers["Location"] == page
    assert browser.get(f"{page}/photos/1").status_code == 404
    assert "a face" in browser.get(page).text
    with transaction(sessions) as session:
        (row,) = session.scalars(select(PhotoRow))
        assert session.scalars(select(PhotoRow.content)).one() == b""
        assert row.deleted_by == "administrator"
        with pytest.raises(Rejected) as refused:
            photos.state(session, "R1", named(WHOLE).sha256)
        assert refused.value.code == "photo_deleted"
