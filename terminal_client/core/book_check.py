"""Was the draw honest, as far as one shop can see? Hashes alone, no trust in the server.

Four questions of the draw: is the commitment the one that was announced first; does the revealed secret fit it; do our
own lines lead to the frozen book's root; is the seed made of secret and root. Three of the rules: does the certificate
name the policy that was announced, the weights that were fixed with the book, and the scores that were announced. Each
is answered yes, no, or not yet.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from contract.book import in_book, leaf_bytes
from contract.feed import BookEntry, Grants
from contract.messages import OrderLine


@dataclass(frozen=True)
class Draw:
    """What is published of a draw, with the answers. ``None`` stands for *not yet known*."""

    root: str
    commitment: str
    secret: str | None
    leaf_sha256: str
    seed: str | None
    commitment_kept: bool | None
    secret_fits: bool | None
    order_in_book: bool
    seed_follows: bool | None

    @property
    def holds(self) -> bool:
        """Whether nothing that can be checked so far is wrong."""
        return self.order_in_book and False not in (
            self.commitment_kept,
            self.secret_fits,
            self.seed_follows,
        )


@dataclass(frozen=True)
class Terms:
    """What the published certificate says of policy, weights and scores, and whether each is what was told before.

    ``None`` stands for *not known*: this terminal did not see it then, or the server does not tell it. Other scores
    than announced are no fraud in themselves, they may have been published since; but it is said.
    """

    policy_sha256: str | None
    weights_sha256: str | None
    score_version: str | None
    policy_kept: bool | None
    weights_kept: bool | None
    scores_kept: bool | None
    seen_at_ms: int | None

    @property
    def holds(self) -> bool:
        """Whether policy and weights are not known to be others."""
        return False not in (self.policy_kept, self.weights_kept)


def check_terms(published: Grants, announced: tuple[str, str | None, int] | None, weights: str | None) -> Terms:
    """Compare what was published with what this terminal saw: policy, scores and when; the hash of the weights."""
    policy, scores, at = announced or (None, None, None)
    return Terms(
        policy_sha256=published.policy_sha256,
        weights_sha256=published.weights_sha256,
        score_version=published.score_version,
        policy_kept=_same(policy, published.policy_sha256),
        weights_kept=_same(weights, published.weights_sha256),
        scores_kept=_same(scores, published.score_version),
        seen_at_ms=at,
    )


def _same(before: str | None, now: str | None) -> bool | None:
    return None if before is None or now is None else before == now


def check(entry: BookEntry, own_lines: Iterable[OrderLine], *, first_commitment: str | None, seed: str | None) -> Draw:
    """Answer the four questions from our own lines, summed per SKU, not from the server's copy of them."""
    leaf = leaf_bytes(entry.retailer, own_lines)
    return Draw(
        root=entry.root,
        commitment=entry.commitment,
        secret=entry.secret,
        leaf_sha256=hashlib.sha256(b"\x00" + leaf).hexdigest(),
        seed=seed,
        commitment_kept=None if first_commitment is None else first_commitment == entry.commitment,
        secret_fits=_secret_fits(entry),
        order_in_book=_leads(leaf, entry),
        seed_follows=_seed_follows(entry, seed),
    )


def _leads(leaf: bytes, entry: BookEntry) -> bool:
    try:
        return in_book(leaf, entry.path, entry.root)
    except ValueError:
        return False


def _secret_fits(entry: BookEntry) -> bool | None:
    if entry.secret is None:
        return None
    secret = _bytes(entry.secret)
    return secret is not None and hashlib.sha256(secret).hexdigest() == entry.commitment


def _seed_follows(entry: BookEntry, seed: str | None) -> bool | None:
    if entry.secret is None or seed is None:
        return None
    secret, root = _bytes(entry.secret), _bytes(entry.root)
    return secret is not None and root is not None and hashlib.sha256(secret + root).hexdigest() == seed


def _bytes(digits: str) -> bytes | None:
    try:
        return bytes.fromhex(digits)
    except ValueError:
        return None
