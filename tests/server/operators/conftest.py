"""Quick password hashes: what Argon2 costs is tested once, and paid nowhere else."""

import pytest
from argon2 import PasswordHasher

from server.operators import passwords


@pytest.fixture(autouse=True)
def _quick_hashes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "real_hashes" not in request.fixturenames:
        monkeypatch.setattr(passwords, "HASHER", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


@pytest.fixture
def real_hashes() -> PasswordHasher:
    """The hasher of production."""
    return passwords.HASHER
