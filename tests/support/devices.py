"""Keys of terminals in tests: the same for the same words, wherever they are made."""

import hashlib

from cryptography.hazmat.primitives.asymmetric import ec

from firmware_sim.identities import Signing

ORDER = int("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16)
"""Of the group of P-256 (SEC 2, 2.4.2): private keys are smaller."""


def key_of(device: str, secret: str = "s" * 43) -> ec.EllipticCurvePrivateKey:
    """The key of a device; of another one with another secret."""
    number = int.from_bytes(hashlib.sha256(f"{device} {secret}".encode()).digest())
    return ec.derive_private_key(number % (ORDER - 1) + 1, ec.SECP256R1())


def signing(device: str, secret: str = "s" * 43) -> Signing:
    """How a device signs its requests, for ``auth=`` of a client."""
    return Signing(key_of(device, secret))
