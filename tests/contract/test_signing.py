"""How requests of devices are signed: the form on the wire, and what is not of it."""

import base64

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from contract import signing

KEY, NONCE = "ab" * 32, "n-1"


def signed(method: str = "POST", target: str = "/device/v1/up/order.place?a=1", body: bytes = b"{}") -> dict[str, str]:
    said = signing.prepare(method, target, body or None, key=KEY, created_s=1_800_000_000, nonce=NONCE)
    return {name.lower(): value for name, value in said.signed(b"s" * 64).items()}


def test_the_signed_bytes_are_those_of_the_standard():
    said = signing.prepare("POST", "/up?a=1", b'{"hello": "world"}', key=KEY, created_s=1618884473, nonce=NONCE)
    assert said.base.decode() == (
        '"@method": POST\n"@path": /up\n"@query": ?a=1\n'
        '"content-digest": sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:\n'
        '"@signature-params": ("@method" "@path" "@query" "content-digest");created=1618884473;nonce="n-1"'
        f';keyid="{KEY}";alg="ecdsa-p256-sha256";tag="evenhand-device"'
    )


def test_what_was_signed_is_read_again_with_and_without_a_body():
    for method, body in (("POST", b"{}"), ("GET", b"")):
        said = signing.read(method, "/a", body, signed(method, "/a", body))
        assert (said.key, said.created_s, said.nonce, said.signature) == (KEY, 1_800_000_000, NONCE, b"s" * 64)
        assert (
            said.base
            == signing.prepare(method, "/a", body or None, key=KEY, created_s=said.created_s, nonce=NONCE).base
        )


def test_another_path_query_method_or_body_is_other_signed_bytes_or_refused():
    fields = signed()
    base = signing.read("POST", "/device/v1/up/order.place?a=1", b"{}", fields).base
    for method, target in (
        ("PATCH", "/device/v1/up/order.place?a=1"),
        ("POST", "/device/v1/up/x?a=1"),
        ("POST", "/?a=2"),
    ):
        assert signing.read(method, target, b"{}", fields).base != base
    with pytest.raises(signing.UnsignedError, match="body is not the signed one"):
        signing.read("POST", "/device/v1/up/order.place?a=1", b"{ }", fields)


@pytest.mark.parametrize(
    ("field", "old", "new", "why"),
    [
        ("signature-input", ' "content-digest"', "", "covers"),
        ("signature-input", '"@method"', '"@authority"', "covers"),
        ("signature-input", "ecdsa-p256-sha256", "hmac-sha256", "alg must be"),
        ("signature-input", "evenhand-device", "other", "tag"),
        ("signature-input", ';nonce="n-1"', "", "are needed"),
        ("signature-input", "created=1800000000", 'created="now"', "are needed"),
        ("signature-input", "device=", "", "no field Signature-Input"),
        ("signature-input", "(", "(" + "(" * 1100, "no field Signature-Input"),
        ("signature", "device=:", "other=:", "64 bytes"),
        ("signature", "c3Nz", "!!!!", "64 bytes"),
        ("signature", "c3Nzc3Nz", "c3Nz", "64 bytes"),
    ],
)
def test_what_is_not_of_the_form_is_refused_in_words(field: str, old: str, new: str, why: str):
    fields = signed()
    assert old in fields[field]
    with pytest.raises(signing.UnsignedError, match=why):
        signing.read(
            "POST", "/device/v1/up/order.place?a=1", b"{}", fields | {field: fields[field].replace(old, new, 1)}
        )


def test_a_fingerprint_is_shown_in_eight_groups_of_four():
    assert signing.shown("0123456789abcdef" * 4) == "0123 4567 89ab cdef 0123 4567 89ab cdef"


def test_the_signature_of_the_standards_example_is_the_form_that_we_read():
    """RFC 9421, B.2.4: an answer signed by ``test-key-ecc-p256``, R and S one after the other."""
    pem = (
        "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqIVYZVLCrPZHGHjP17CTW0/+D9Lf\n"
        "w0EkjqF7xB4FivAxzic30tMM4GF+hR6Dxh71Z50VGGdldkkDXZCnTNnoXQ==\n-----END PUBLIC KEY-----\n"
    )
    base = (
        '"@status": 200\n"content-type": application/json\n'
        '"content-digest": sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5'
        "aGgfLQ==:\n"
        '"content-length": 23\n'
        '"@signature-params": ("@status" "content-type" "content-digest" "content-length")'
        ';created=1618884473;keyid="test-key-ecc-p256"'
    )
    given = "wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NKocgPquLgyahnzDnDAUy5eCdlYUEkLIj+32oiasw=="
    raw = base64.b64decode(given)
    numbers = int.from_bytes(raw[:32]), int.from_bytes(raw[32:])
    key = load_pem_public_key(pem.encode())
    assert isinstance(key, ec.EllipticCurvePublicKey)
    key.verify(encode_dss_signature(*numbers), base.encode(), ec.ECDSA(hashes.SHA256()))
