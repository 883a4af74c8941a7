"""Secrets that are read again lie sealed: the database alone gives none of them, and a key can be changed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyotp
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from server.integrations import messages, webhooks
from server.integrations.posting import Allowed
from server.kit import embedded, sealing
from server.kit.db import Base, transaction
from server.kit.identity import SYSTEM, Operator
from server.kit.runtime import Runtime
from server.kit.sealing import Seal, SealError
from server.kit.settings import Settings
from server.operators import second_factor
from server.operators import service as operators

ROOT = Operator(1, "root", frozenset({"administrator"}))


@pytest.fixture
def installation(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


def test_no_row_of_the_database_holds_a_secret_of_an_app_or_a_webhook(
    runtime: Runtime, database: embedded.Cluster, clock: Callable[[], Any]
) -> None:
    with transaction(runtime.sessions) as session:
        ann = operators.add_operator(session, "ann", ["releaser"], by=SYSTEM, at=clock()).id
        app = second_factor.begin(session, ann, issuer="Evenhand", at=clock()).secret
        second_factor.confirm(session, ann, pyotp.TOTP(app).at(clock()), at=clock())
        address = "https://erp.example/told"
        told, first = webhooks.make(session, address, ["order.received"], Allowed(), by=ROOT, at=clock())
        _, second = webhooks.rotate(session, told, by=ROOT, at=clock())
        messages.test(session, told, by=ROOT, at=clock())
    with sa.create_engine(database.admin_url, poolclass=sa.NullPool).connect() as owner:
        for name in Base.metadata.tables:
            held = owner.scalar(sa.text(f"SELECT string_agg(CAST(t AS text), '|') FROM {name} t")) or ""  # noqa: S608 - our own tables
            assert [name for secret in (app, first, second) if secret.removeprefix("whsec_") in held] == []
    with transaction(runtime.sessions) as session:
        due = messages.take_due(session, told, clock())
        assert due is not None
        assert due.secrets == (second, first)


def test_a_new_key_seals_and_what_was_sealed_before_opens_until_it_is_sealed_anew(
    runtime: Runtime, clock: Callable[[], Any]
) -> None:
    with transaction(runtime.sessions) as session:
        ann = operators.add_operator(session, "ann", ["releaser"], by=SYSTEM, at=clock()).id
        app = second_factor.begin(session, ann, issuer="Evenhand", at=clock()).secret
        webhooks.make(session, "https://erp.example/told", ["order.received"], Allowed(), by=ROOT, at=clock())
    place = sealing.path(runtime.settings)
    assert place.stat().st_mode & 0o777 == 0o600
    sealing.add_key(runtime.settings)
    newest, oldest = place.read_text().split()

    def begun(session: Session) -> str:
        return second_factor.begin(session, ann, issuer="Evenhand", at=clock()).secret

    with transaction(runtime.sessions) as session:
        assert begun(session) == app
        assert (second_factor.seal_anew(session), webhooks.seal_anew(session)) == (1, 1)
    place.write_text(newest)
    with transaction(runtime.sessions) as session:
        assert begun(session) == app
    place.write_text(oldest)
    with transaction(runtime.sessions) as session, pytest.raises(SealError, match="opens the secret of totp:1"):
        begun(session)


def test_what_was_sealed_for_one_does_not_open_for_another(installation: Settings) -> None:
    seal = Seal(installation)
    sealed = seal.seal("totp:1", "JBSWY3DP")
    assert seal.opened("totp:1", sealed) == "JBSWY3DP"
    with pytest.raises(SealError, match="was sealed for totp:1"):
        seal.opened("totp:2", sealed)
    with pytest.raises(SealError, match="none of the keys"):
        seal.opened("totp:1", sealed[:-2])


def test_keys_that_cannot_be_used_say_why(installation: Settings) -> None:
    named = installation.model_copy(update={"secrets_key_file": installation.data_dir / "given"})
    with pytest.raises(SealError, match="named by EVENHAND_SECRETS_KEY_FILE, is missing"):
        Seal(named).seal("totp:1", "x")
    sealing.add_key(named)
    sealing.path(named).chmod(0o644)
    with pytest.raises(SealError, match="chmod 600"):
        Seal(named).seal("totp:1", "x")
    sealing.path(named).chmod(0o600)
    sealing.path(named).write_text("no key")
    with pytest.raises(SealError, match="something else than keys"):
        Seal(named).seal("totp:1", "x")
    with pytest.raises(SealError, match="opened without the keys"):
        sealing.of(Session())
