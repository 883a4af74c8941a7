"""How a terminal becomes a device: a code, a key of its own, a person who compares, a certificate."""

from datetime import timedelta

import pytest
from cryptography import x509
from factories import NOW, make_device, make_retailer
from sqlalchemy.orm import Session

from contract.device_api import Enrol, Enrolment
from contract.errors import Conflict, Rejected, Revoked
from contract.signing import fingerprint
from server.devices import authority, enrolling, queries, rules, service
from server.devices.models import DeviceCertificate
from server.kit import certificates
from server.kit.identity import Operator

ADMIN = Operator(1, "admin", frozenset({"administrator"}))


def asked(session: Session, code: str, key=None, *, at=NOW):
    return enrolling.ask(session, Enrol(code=code, csr=certificates.new_request(key or certificates.new_key())), at=at)


@pytest.fixture
def code(session: Session) -> str:
    make_retailer(session, "R1")
    return service.issue_codes(session, ["R1"], ADMIN, at=NOW)[0][1]


def test_a_code_lets_one_key_ask_once_within_15_minutes(session, code):
    key = certificates.new_key()
    typed = f" {code[:4].lower()}-{code[4:].lower()} "
    first = asked(session, typed, key, at=NOW + timedelta(minutes=14))
    assert first.key == fingerprint(certificates.public_der(key.public_key()))
    assert asked(session, code, key, at=NOW + timedelta(hours=1)).key == first.key, "asked again, it says how it stands"
    with pytest.raises(Rejected, match="already used"):
        asked(session, code, at=NOW)


def test_a_code_is_dead_after_15_minutes(session, code):
    with pytest.raises(Rejected, match="expired"):
        asked(session, code, at=NOW + rules.CODE_TTL)


@pytest.mark.parametrize("csr", ["", "-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----\n"])
def test_who_brings_no_request_for_a_key_is_refused_and_the_code_is_not_used_up(session, code, csr):
    with pytest.raises(Rejected, match="PKCS #10"):
        enrolling.ask(session, Enrol(code=code, csr=csr), at=NOW)
    assert asked(session, code)


def test_a_confirmed_terminal_has_a_certificate_in_its_name_of_the_fleets_authority(session, code):
    key = certificates.new_key()
    row = asked(session, code, key)
    [device] = enrolling.confirm(session, [row.key], ADMIN, at=NOW)
    kept = enrolling.newest_certificate(session, device.id)
    made = x509.load_pem_x509_certificate(kept.certificate.encode())
    assert made.subject.rfc4514_string() == f"CN={device.id}"
    assert made.public_key() == key.public_key()
    made.verify_directly_issued_by(authority.issuing(session, NOW)[1].certificate)
    [again] = enrolling.confirm(session, [row.key], ADMIN, at=NOW)
    assert again.id == device.id, "confirmed twice it is one device"


def test_many_are_confirmed_together_or_none(session, code):
    row = asked(session, code)
    with pytest.raises(Rejected, match="No terminal waits"):
        enrolling.confirm(session, [row.key, "f" * 64], ADMIN, at=NOW)


def test_a_refused_terminal_is_told_why_and_never_let_in(session, code):
    row = asked(session, code)
    enrolling.refuse(session, row.key, "nobody knows it", ADMIN, at=NOW)
    assert rules.enrolment_state(row.confirmed, row.expires_at, NOW) == "refused"
    with pytest.raises(Rejected, match="nobody knows it"):
        enrolling.confirm(session, [row.key], ADMIN, at=NOW)


def test_who_waited_for_a_day_is_over(session, code):
    row = asked(session, code)
    late = NOW + rules.WAITING_TTL
    assert rules.enrolment_state(row.confirmed, row.expires_at, late) == "expired"
    assert enrolling.count_waiting(session, late) == 0
    with pytest.raises(Rejected, match="waited too long"):
        enrolling.confirm(session, [row.key], ADMIN, at=late)


def test_a_key_is_one_terminals(session, code):
    key = certificates.new_key()
    enrolling.confirm(session, [asked(session, code, key).key], ADMIN, at=NOW)
    another = service.issue_codes(session, ["R1"], ADMIN, at=NOW)[0][1]
    with pytest.raises(Rejected, match="make a new one"):
        asked(session, another, key)


def test_over_http_a_program_confirms_and_is_told_what_the_terminal_is_told(app_client, signed_in, session):
    make_retailer(session, "R1")
    [(_, code)] = service.issue_codes(session, ["R1"], ADMIN, at=NOW)
    session.commit()
    keeper = signed_in("fleet")
    body = Enrol(code=code, model="m", csr=certificates.new_request(certificates.new_key())).model_dump()
    waits = Enrolment.model_validate(app_client.post("/device/v1/enrol", json=body).json())
    assert (waits.state, waits.enrolled) == ("waiting", None)
    listed = keeper.get("/api/v1/devices/enrolments").json()
    assert [(one["fingerprint"], one["retailer"]) for one in listed] == [(waits.fingerprint, "R1")]
    [told] = keeper.post("/api/v1/devices/enrolments/confirm", json={"fingerprints": [waits.fingerprint]}).json()
    after = Enrolment.model_validate(app_client.post("/device/v1/enrol", json=body).json())
    assert after.state == "confirmed"
    assert after.enrolled is not None
    assert after.enrolled.certified is not None
    assert told["enrolled"]["device"] == after.enrolled.device
    assert app_client.get("/device/v1/authorities").text == after.enrolled.certified.authorities
    assert keeper.get("/api/v1/devices/enrolments").json() == []


# Renewal, revocation, another authority


def test_a_certificate_is_renewed_at_two_thirds_and_both_are_valid_until_their_ends(session):
    make_retailer(session, "R1")
    device = make_device(session, "R1").device
    first = enrolling.newest_certificate(session, device)
    due = authority.certified(session, first, at=NOW).renew_at
    assert due == NOW + certificates.DEVICE_LIFE * 2 / 3
    second = enrolling.renew(session, device, certificates.new_request(certificates.new_key()), at=due)
    assert second.key != first.key
    assert first.revoked_at is None
    assert first.expires_at > due


def test_a_revoked_terminals_certificates_are_all_on_the_list(session):
    make_retailer(session, "R1")
    device = make_device(session, "R1").device
    enrolling.renew(session, device, certificates.new_request(certificates.new_key()), at=NOW)
    serials = {row.serial for row in session.query(DeviceCertificate)}
    service.revoke(session, device, "stolen", ADMIN, at=NOW)
    listed = x509.load_pem_x509_crl(authority.revocations_pem(session, at=NOW).encode())
    assert {f"{one.serial_number:x}" for one in listed} == serials
    assert queries.revoked(session) == [device]


def test_a_renewal_that_crosses_a_revocation_is_refused_and_one_that_slipped_through_is_on_the_list(session):
    make_retailer(session, "R1")
    device = make_device(session, "R1").device
    service.revoke(session, device, "stolen", ADMIN, at=NOW)
    with pytest.raises(Revoked):
        enrolling.renew(session, device, certificates.new_request(certificates.new_key()), at=NOW)
    slipped = authority.issue_to_device(session, device, certificates.new_key().public_key(), at=NOW)
    listed = x509.load_pem_x509_crl(authority.revocations_pem(session, at=NOW).encode())
    assert slipped.serial in {f"{one.serial_number:x}" for one in listed}


def test_another_authority_issues_at_once_and_the_old_one_is_believed_until_nobody_needs_it(session):
    make_retailer(session, "R1")
    device = make_device(session, "R1").device
    old = enrolling.newest_certificate(session, device)
    number = authority.begin_rotation(session, ADMIN.actor, at=NOW)
    told = authority.certified(session, old, at=NOW)
    assert told.authorities.count("BEGIN CERTIFICATE") == 2
    assert told.renew_at == NOW, "who has an old one renews now"
    with pytest.raises(Conflict, match="1 terminals"):
        authority.end_rotation(session, ADMIN.actor, at=NOW)
    with pytest.raises(Conflict, match="Retire it first"):
        authority.begin_rotation(session, ADMIN.actor, at=NOW)
    fresh = enrolling.renew(session, device, certificates.new_request(certificates.new_key()), at=NOW)
    assert fresh.authority == number
    assert authority.certified(session, fresh, at=NOW).renew_at > NOW
    served = authority.issue_to_broker(session, certificates.new_key().public_key(), ["localhost"], at=NOW)
    ends = [pem + "-----END CERTIFICATE-----\n" for pem in told.authorities.split("-----END CERTIFICATE-----\n")[:2]]
    x509.load_pem_x509_certificate(served.pem.encode()).verify_directly_issued_by(
        x509.load_pem_x509_certificate(ends[1].encode())
    )
    authority.end_rotation(session, ADMIN.actor, at=NOW)
    assert authority.trusted_pem(session) == ends[0]
