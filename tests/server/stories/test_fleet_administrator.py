"""A fleet administrator's day: a shop's terminal enrolled by a code, lost, and shut out at once."""

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from factories import make_retailer
from playwright.sync_api import expect

from contract.device_api import Enrol, Enrolment
from contract.messages import ReportStatus
from contract.signing import shown
from firmware_sim.identities import Signing
from server.kit import certificates
from server.kit.db import transaction

pytestmark = [pytest.mark.system, pytest.mark.slow]

STOLEN = {"zh": "昨夜失窃", "en": "stolen last night"}


def asks(house, code: str, key: ec.EllipticCurvePrivateKey) -> Enrolment:
    """Let a terminal show the code that its people typed, and the request for its key."""
    body = Enrol(code=code.replace("-", ""), model="counter 10", csr=certificates.new_request(key)).model_dump()
    return Enrolment.model_validate(
        httpx2.post(f"{house.address}/device/v1/enrol", json=body).raise_for_status().json()
    )


def test_a_terminal_is_enrolled_seen_and_revoked_and_refused_at_once(house):
    shop = house.code("FA1")
    with transaction(house.runtime.sessions) as session:
        make_retailer(session, shop)
    faye = house.come_in("Faye", "fleet")
    page = faye.page

    faye.look()
    page.locator("main").get_by_role("link", name=faye.words("Terminals"), exact=True).first.click()
    faye.tap("Enrol terminals", role="link")
    page.locator("#f-codes").fill(shop)
    faye.tap("Issue the codes")
    faye.says("Shown once")
    faye.look()
    code, key = page.locator(".figure-value code").inner_text(), certificates.new_key()
    asked = asks(house, code, key)
    page.goto("/console/devices/waiting")
    faye.look()
    waits = page.locator(".panel").filter(has_text=shop)
    expect(waits.locator(".fingerprint")).to_have_text(shown(asked.fingerprint))
    waits.get_by_role("button", name=faye.words("It is the same: let it in")).click()
    faye.says("No terminal waits")
    faye.look()
    enrolled = asks(house, code, key).enrolled
    assert enrolled is not None
    device, auth = enrolled.device, Signing(key)
    house.clock.advance(seconds=5)
    status = ReportStatus(version="0.2.0", queue_length=0, language=house.language)
    house.tell_as(device, auth, "device.status", status)

    page.goto(f"/console/devices?q={shop}")
    row = page.locator("#list-rows tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text(faye.words("online"))
    faye.look()
    row.get_by_role("link", name=device).click()
    page.locator("[data-opens=revoke]").click()
    page.locator("#revoke input[name=reason]").fill(STOLEN[house.language])
    faye.look()
    faye.tap("Revoke", within="#revoke")
    faye.says(STOLEN[house.language])
    faye.look()
    refused = house.ask_as(auth, "feed?after=0")
    assert (refused.status_code, refused.json()["code"]) == (403, "device_revoked")
    page.goto("/console/devices?state=revoked")
    expect(page.locator("#list-rows tbody tr").filter(has_text=device)).to_have_count(1)
    assert house.trace(f"device:{device}")[:1] == house.did(("Faye", "device.revoked"))
    acts = house.did(("Faye", "device.enrolled"), ("Faye", "device.codes_issued"))
    assert house.trace(f"operator:{house.code('Faye')}")[1:3] == acts
