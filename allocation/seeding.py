"""The seed that nobody inside can steer: committed to before the window opens, sealed with the order book.

1. Before the window opens a secret is drawn and its commitment, SHA-256(secret), published.
2. At closing the order book is frozen; every order is a leaf of a Merkle tree, and the root is published.
3. The seed is SHA-256(secret ‖ root). Secret and root are published with the result.

Hashes are domain-separated: SHA-256(0x00 ‖ bytes) for a leaf, SHA-256(0x01 ‖ left ‖ right) for a pair, as in
RFC 6962; a row of odd length hands its last node up unchanged. An empty book has the root SHA-256 of nothing.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

SECRET_BYTES = 32


@dataclass(frozen=True)
class SeedProof:
    """What is published with the result so that anyone can recompute the seed; all 32 bytes long.

    ``policy_sha256`` is of the policy's text as it was published with the commitment, ``weights_sha256`` of the
    weights (:mod:`allocation.hashing.weights`) as they were published with the frozen book, where they were.
    """

    commitment: bytes
    secret: bytes
    root: bytes
    policy_sha256: bytes | None = None
    weights_sha256: bytes | None = None

    def __post_init__(self) -> None:
        """Refuse parts that do not belong together.

        Raises
        ------
        ValueError
            Where a part has not 32 bytes, or the commitment is not to this secret.
        """
        if any(len(part) != SECRET_BYTES for part in (self.commitment, self.secret, self.root)):
            raise ValueError("commitment, secret and root have 32 bytes each")
        if commitment(self.secret) != self.commitment:
            raise ValueError("the commitment is not SHA-256 of the secret")

    @property
    def seed(self) -> bytes:
        """The seed that follows."""
        return seed_from(self.secret, self.root)

    def as_dict(self) -> dict[str, str]:
        """Return the parts in hexadecimal digits."""
        proof = {"commitment": self.commitment.hex(), "secret": self.secret.hex(), "root": self.root.hex()}
        published = {"policy_sha256": self.policy_sha256, "weights_sha256": self.weights_sha256}
        return proof | {name: digest.hex() for name, digest in published.items() if digest is not None}


@dataclass(frozen=True)
class Step:
    """One step of a Merkle proof: the sibling, and whether it stands on the left."""

    sibling: bytes
    is_left: bool


def draw_secret() -> bytes:
    """Draw a secret of 32 bytes from the operating system."""
    return secrets.token_bytes(SECRET_BYTES)


def commitment(secret: bytes) -> bytes:
    """Return what is published before the window opens."""
    return hashlib.sha256(secret).digest()


def seed_from(secret: bytes, root: bytes) -> bytes:
    """Return the seed: SHA-256(secret ‖ root)."""
    return hashlib.sha256(secret + root).digest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Return the root over the orders' bytes, in the order given (freeze and sort them first)."""
    return merkle_rows(leaves)[-1][0]


def merkle_rows(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """Return the whole tree: the hashes of the leaves, then each row above, the last of them the root alone."""
    rows = [[_leaf(leaf) for leaf in leaves] or [hashlib.sha256().digest()]]
    while len(rows[-1]) > 1:
        rows.append(_row_above(rows[-1]))
    return rows


def merkle_proof(leaves: Sequence[bytes], index: int) -> list[Step]:
    """Return the steps from the leaf at `index` up to the root."""
    row, steps = [_leaf(leaf) for leaf in leaves], []
    while len(row) > 1:
        sibling = index ^ 1
        if sibling < len(row):
            steps.append(Step(row[sibling], is_left=sibling < index))
        row, index = _row_above(row), index // 2
    return steps


def merkle_proofs(leaves: Sequence[bytes]) -> list[list[Step]]:
    """Return the proof of every leaf, hashing the tree once."""
    proofs: list[list[Step]] = [[] for _ in leaves]
    for height, row in enumerate(merkle_rows(leaves)[:-1]):
        for leaf, proof in enumerate(proofs):
            index = leaf >> height
            if index ^ 1 < len(row):
                proof.append(Step(row[index ^ 1], is_left=bool(index & 1)))
    return proofs


def is_in_book(leaf: bytes, proof: Sequence[Step], root: bytes) -> bool:
    """Say whether the leaf lies under the root."""
    node = _leaf(leaf)
    for step in proof:
        node = _pair(step.sibling, node) if step.is_left else _pair(node, step.sibling)
    return node == root


def _row_above(row: list[bytes]) -> list[bytes]:
    above = [_pair(left, right) for left, right in zip(row[::2], row[1::2], strict=False)]
    return above + row[len(row) - 1 :] if len(row) % 2 else above


def _leaf(content: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + content).digest()


def _pair(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
