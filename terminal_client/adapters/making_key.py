"""``python -m terminal_client.adapters.making_key FOLDER``: make a key pair, say its name and a request for it.

A process of its own, because the library for it needs 14 MB that the terminal has no use for afterwards. The private
key is written into the folder, readable by this account alone, and on the disk before anything is said.
"""

import json
import os
import sys
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from contract.signing import fingerprint


def make(folder: Path) -> dict[str, str]:
    """Make a P-256 key in ``folder``; return its fingerprint as ``key`` and a PKCS #10 request in PEM as ``csr``."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = fingerprint(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    asked = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "new terminal")])
    )
    csr = asked.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(folder / f"{name}.pem", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as sink:
        sink.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        sink.flush()
        os.fsync(sink.fileno())
    place = os.open(folder, os.O_RDONLY)
    os.fsync(place)
    os.close(place)
    return {"key": name, "csr": csr}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(make(Path(sys.argv[1]))))
