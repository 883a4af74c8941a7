"""The certificate: what a stranger needs to check a result, and cannot be changed unseen."""

import hashlib
import json
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import numpy as np

from allocation.filling.outcome import Filling, Threshold
from allocation.policy import Policy
from allocation.problem import Problem
from allocation.seeding import SeedProof

FORMAT: Final = "evenhand-certificate-1"


def make_certificate(
    problem: Problem, policy: Policy, filling: Filling, hashes: Mapping[str, str], seed_proof: SeedProof | None
) -> dict[str, Any]:
    """Return the certificate of a result, ready for JSON; `hashes` are ``input_sha256`` and ``result_sha256``.

    ``thresholds`` names, for each SKU whose supply stopped somebody, the last unit granted above the floors: the units
    up to it, in the order of (tier, phase, level, draw), are the quantities. ``adjustments`` holds the manual
    decisions, where there are any, as the canonical input does.
    """
    stated = policy.as_dict()
    seed = stated.pop("seed", None)
    decided = list(problem.adjustments.rows(problem.requests, problem.retailers, problem.supply))
    return {
        "format": FORMAT,
        **hashes,
        "lines": len(problem),
        "policy": stated,
        "seed": seed,
        "seed_proof": seed_proof.as_dict() if seed_proof else None,
        "thresholds": {
            problem.supply.sku[sku]: _threshold(filling.thresholds[sku]) for sku in sorted(filling.thresholds)
        },
        "levels": filling.levels,
        "minimums": filling.minimums,
        **({"adjustments": decided} if decided else {}),
        **({"baskets": filling.baskets} if filling.baskets else {}),
        "versions": _versions(uses_ortools=bool(filling.minimums or filling.baskets)),
    }


def _threshold(threshold: Threshold) -> dict[str, Any]:
    return {
        "tier": threshold.tier,
        "phase": threshold.phase,
        "level": str(threshold.level),
        "tie": threshold.draw.hex(),
    }


def _versions(*, uses_ortools: bool) -> dict[str, str]:
    versions = {"python": platform.python_version(), "numpy": np.__version__}
    for package in ("evenhand", "ortools") if uses_ortools else ("evenhand",):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:  # run from a checkout that is not installed
            versions[package] = "unknown"
    return versions


def sealed(certificate: Mapping[str, Any], files: Mapping[str, str]) -> bytes:
    """Return the bytes of ``certificate.json``: the certificate, the SHA-256 of the other files and its own.

    Its own hash, ``certificate_sha256``, is that of these bytes without that entry.
    """
    stated = dict(certificate) | {"files": dict(sorted(files.items()))}
    own = hashlib.sha256(canonical_bytes(stated)).hexdigest()
    return canonical_bytes(stated | {"certificate_sha256": own})


def canonical_bytes(certificate: Mapping[str, Any]) -> bytes:
    """Return the one form in which a certificate is written: sorted keys, one a line."""
    return (json.dumps(certificate, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()
