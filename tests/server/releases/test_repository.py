"""The repository of releases: who signs what, what is published, and what is refused."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ceremony import PASSPHRASE, Holders, archive, begun

from server.releases import drafting, keys, publishing, rules
from server.releases.errors import ReleaseRefusedError
from server.releases.repository import Repository

NOW = datetime.now(UTC).replace(microsecond=0)


def test_a_key_is_sealed_and_opens_by_its_passphrase_alone(tmp_path: Path) -> None:
    made = keys.make(tmp_path / "li.key", PASSPHRASE)
    assert keys.signer(tmp_path / "li.key", PASSPHRASE).public_key.keyid == made.keyid
    assert keys.public(tmp_path / "li.key.pub").keyid == made.keyid
    assert (tmp_path / "li.key").stat().st_mode & 0o077 == 0
    assert b"ENCRYPTED" in (tmp_path / "li.key").read_bytes()
    for passphrase in (None, "another one entirely"):
        with pytest.raises(ReleaseRefusedError, match="passphrase"):
            keys.signer(tmp_path / "li.key", passphrase)
    with pytest.raises(ReleaseRefusedError, match="exists"):
        keys.make(tmp_path / "li.key", PASSPHRASE)


def test_a_repository_is_begun_by_two_of_three_and_one_alone_cannot(tmp_path: Path) -> None:
    holders, repository = Holders(tmp_path / "holders"), Repository(tmp_path)
    drafting.init(repository, holders.all(), 2, holders.all(), 2, NOW)
    drafting.collect(repository, holders.sign(repository.draft / "root.json", "li"))
    drafting.collect(repository, holders.sign(repository.draft / "targets.json", "li", "zhao"))
    with pytest.raises(ReleaseRefusedError, match="lacks 1 more"):
        publishing.publish(repository, NOW)
    assert not repository.exists
    drafting.collect(repository, holders.sign(repository.draft / "root.json", "wang"))
    publishing.publish(repository, NOW)
    assert {standing.role: standing.version for standing in repository.standings()} == dict.fromkeys(rules.ROLES, 1)
    assert not repository.draft.exists()


def test_a_release_is_listed_once_two_people_signed_it(tmp_path: Path) -> None:
    repository, holders = begun(tmp_path)
    path, release = archive(tmp_path, "0.2.0", minimum_version="0.1.0")
    name = drafting.add(repository, path, release, NOW)
    assert repository.releases() == []
    holders.publish(repository, NOW)
    (published,) = repository.releases()
    assert (published.name, published.release) == (name, release)
    assert (repository.targets / f"{published.sha256}.{name}").read_bytes() == path.read_bytes()


def test_versions_only_grow_also_after_one_was_taken_back(tmp_path: Path) -> None:
    repository, holders = begun(tmp_path)
    drafting.add(repository, *archive(tmp_path, "0.2.0"), NOW)
    holders.publish(repository, NOW)
    drafting.withdraw(repository, "0.2.0", NOW)
    holders.publish(repository, NOW)
    assert repository.releases() == []
    for version in ("0.1.9", "0.2.0"):
        with pytest.raises(ReleaseRefusedError, match=r"not above 0\.2\.0"):
            drafting.add(repository, *archive(tmp_path, version), NOW)
    drafting.add(repository, *archive(tmp_path, "0.10.0"), NOW)


def test_a_signature_of_somebody_else_or_of_another_draft_is_refused(tmp_path: Path) -> None:
    repository, holders = begun(tmp_path)
    drafting.add(repository, *archive(tmp_path, "0.2.0"), NOW)
    early = holders.sign(repository.draft / "targets.json", "li")
    drafting.withdraw(repository, "0.2.0", NOW + timedelta(seconds=1))
    with pytest.raises(ReleaseRefusedError, match="another draft"):
        drafting.collect(repository, early)
    stranger = Holders(tmp_path / "stranger", ("stranger",))
    with pytest.raises(ReleaseRefusedError, match="may not sign"):
        drafting.collect(repository, stranger.sign(repository.draft / "targets.json", "stranger"))
    forged = holders.sign(repository.draft / "targets.json", "li")[0]
    signature = next(line for line in forged.read_text().split('"') if len(line) == 128)
    forged.write_text(forged.read_text().replace(signature, signature[::-1]))
    with pytest.raises(ReleaseRefusedError, match="false"):
        drafting.collect(repository, [forged])


def test_keys_of_the_root_change_by_the_old_and_the_new_holders_together(tmp_path: Path) -> None:
    repository, old = begun(tmp_path)
    new = Holders(tmp_path / "new", ("qian", "sun"))
    drafting.rotate(repository, NOW, root_keys=(new.all(), 2), targets_keys=(new.all(), 1), online=True)
    drafting.collect(repository, new.sign(repository.draft / "root.json", "qian", "sun"))
    drafting.collect(repository, new.sign(repository.draft / "targets.json", "qian"))
    with pytest.raises(ReleaseRefusedError, match="root number 2 lacks 2"):
        publishing.publish(repository, NOW)
    drafting.collect(repository, old.sign(repository.draft / "root.json", "li", "zhao"))
    publishing.publish(repository, NOW)
    root, targets, _, timestamp = repository.standings()
    assert (root.version, targets.threshold, targets.version) == (2, 1, 2)
    online = keys.signer(repository.folder / "online-key.pem", None).public_key.keyid
    assert [one.key for one in timestamp.signatures] == [online]
    drafting.add(repository, *archive(tmp_path, "0.2.0"), NOW)
    with pytest.raises(ReleaseRefusedError, match="may not sign"):
        drafting.collect(repository, old.sign(repository.draft / "targets.json", "li"))


def test_a_list_that_the_new_keys_did_not_sign_is_not_published(tmp_path: Path) -> None:
    repository, old = begun(tmp_path)
    new = Holders(tmp_path / "new", ("qian", "sun"))
    drafting.rotate(repository, NOW, targets_keys=(new.all(), 2))
    (repository.draft / "targets.json").unlink()
    drafting.collect(repository, old.sign(repository.draft / "root.json", "li", "zhao"))
    before = {path: path.read_bytes() for path in repository.metadata.iterdir()}
    with pytest.raises(ReleaseRefusedError, match="a terminal would refuse this"):
        publishing.publish(repository, NOW)
    assert {path: path.read_bytes() for path in repository.metadata.iterdir()} == before


def test_the_server_renews_its_own_roles_before_they_expire_and_not_sooner(tmp_path: Path) -> None:
    repository, _ = begun(tmp_path, NOW)
    assert publishing.renew(repository, NOW + timedelta(hours=11)) == []
    assert publishing.renew(repository, NOW + timedelta(hours=13)) == ["timestamp"]
    assert publishing.renew(repository, NOW + timedelta(days=4)) == ["snapshot", "timestamp"]
    versions = {standing.role: standing.version for standing in repository.standings()}
    assert versions == {"root": 1, "targets": 1, "snapshot": 2, "timestamp": 3}


def test_a_release_is_published_also_after_the_server_was_off_for_weeks(tmp_path: Path) -> None:
    repository, holders = begun(tmp_path, NOW)
    drafting.add(repository, *archive(tmp_path, "0.2.0"), NOW)
    later = NOW + timedelta(days=40)
    holders.publish(repository, later)
    assert [one.release.version for one in repository.releases()] == ["0.2.0"]
    drafting.add(repository, *archive(tmp_path, "0.3.0"), NOW)
    with pytest.raises(ReleaseRefusedError, match="expired"):
        holders.publish(repository, later + timedelta(days=300))


def test_people_are_warned_a_month_before_what_they_signed_ends(tmp_path: Path) -> None:
    expires = NOW + timedelta(days=31)
    assert rules.standing("root", expires, NOW) == "holds"
    assert rules.standing("root", expires, NOW + timedelta(days=2)) == "ends_soon"
    assert rules.standing("targets", expires, expires) == "expired"
    assert rules.standing("timestamp", NOW + timedelta(hours=13), NOW) == "holds"
    assert rules.standing("timestamp", NOW + timedelta(hours=5), NOW) == "ends_soon"


@pytest.mark.parametrize("threshold", [0, 4])
def test_more_signatures_than_keys_cannot_be_asked_for(tmp_path: Path, threshold: int) -> None:
    holders = Holders(tmp_path / "holders")
    with pytest.raises(ReleaseRefusedError, match=f"{threshold} of 3"):
        drafting.init(Repository(tmp_path), holders.all(), threshold, holders.all(), 2, NOW)
