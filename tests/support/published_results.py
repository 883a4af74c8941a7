"""A problem folder and a result folder, to be damaged in every way, as a careless or a careful forger would."""

import csv
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from allocation import Policy, Problem, solve
from allocation.certificate import canonical_bytes
from allocation.folders import write_problem, write_result
from allocation.hashing.weights import weights_sha256
from allocation.seeding import SeedProof, commitment

SECRET, ROOT = b"s" * 32, b"r" * 32
PROOF = SeedProof(commitment(SECRET), SECRET, ROOT)

Row = dict[str, str]


@dataclass
class Published:
    """The two folders."""

    problem: Path
    result: Path

    def rows(self) -> list[Row]:
        return self.table(self.result / "allocation.csv")

    def write_rows(self, rows: Sequence[Row]) -> None:
        self.write_table(self.result / "allocation.csv", rows)

    def table(self, path: Path) -> list[Row]:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def write_table(self, path: Path, rows: Sequence[Row]) -> None:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)

    def certificate(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads((self.result / "certificate.json").read_bytes())
        return read

    def write_certificate(self, certificate: dict[str, Any]) -> None:
        (self.result / "certificate.json").write_bytes(canonical_bytes(certificate))

    def reseal(self) -> None:
        """Recompute every hash, as a careful forger would."""
        certificate = self.certificate()
        sha256 = {name: hashlib.sha256((self.result / name).read_bytes()).hexdigest() for name in certificate["files"]}
        certificate["files"] = sha256
        certificate["result_sha256"] = sha256["allocation.csv"]
        del certificate["certificate_sha256"]
        own = hashlib.sha256(canonical_bytes(certificate)).hexdigest()
        self.write_certificate(certificate | {"certificate_sha256": own})


def publish(problem: Problem, policy: Policy, folder: Path) -> Published:
    """Solve and write both folders; the seed follows from a secret unless nothing is drawn."""
    proof = replace(PROOF, weights_sha256=bytes.fromhex(weights_sha256(problem)))
    whole = policy.rounding != "none"
    policy = policy.with_seed(PROOF.seed.hex()) if whole else policy
    write_problem(problem, policy, folder / "problem")
    write_result(solve(problem, policy, seed_proof=proof if whole else None), folder / "result")
    return Published(folder / "problem", folder / "result")
