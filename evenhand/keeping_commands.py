"""Commands that keep an installation: a backup, restoring it, the keys of both."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from evenhand.command_line import UNREADABLE, progress_bars
from evenhand.server_commands import PANEL, settings

if TYPE_CHECKING:
    from server.keeping.age import Passphrase
    from server.kit.settings import Settings

app = typer.Typer()
T = TypeVar("T")
LEAST_LETTERS = 12
DataDir = Annotated[Path | None, typer.Option(help="Folder of the installation; EVENHAND_DATA_DIR where absent.")]
PassphraseFile = Annotated[Path | None, typer.Option(help="File whose first line is the passphrase.")]


@app.command(rich_help_panel=PANEL)
def backup(
    out: Annotated[Path, typer.Option(help="File to write; it must not exist.")],
    recipient: Annotated[Path | None, typer.Option(help="File of public keys (age1...), one a line.")] = None,
    passphrase_file: PassphraseFile = None,
    data_dir: DataDir = None,
) -> None:
    """Write the whole installation into one encrypted file, while it runs; exit 2 where that cannot be."""
    from server.keeping import age_keys, backing_up
    from server.kit.clock import system_clock

    with _refusals(), progress_bars(quiet=False) as bars:
        to = age_keys.recipients(recipient) if recipient else None
        chosen = _one_of(to, _passphrase(passphrase_file), "--recipient", "--passphrase-file")
        made = backing_up.back_up(_in(data_dir), out, chosen, at=system_clock(), progress=bars)
    rows = sum(made.tables.values())
    typer.echo(f"{out}: {out.stat().st_size:,} bytes, {rows:,} rows of {len(made.tables)} tables, schema {made.schema}")


@app.command(rich_help_panel=PANEL)
def restore(
    file: Annotated[Path, typer.Argument(help="What `evenhand backup` wrote.")],
    identity: Annotated[Path | None, typer.Option(help="File of secret keys (AGE-SECRET-KEY-1...).")] = None,
    passphrase_file: PassphraseFile = None,
    data_dir: DataDir = None,
) -> None:
    """Restore a backup into an empty folder, or an empty database by URL; exit 2, nothing written, where it cannot."""
    from server.keeping import age_keys, restoring
    from server.kit.clock import system_clock

    with _refusals(), progress_bars(quiet=False) as bars:
        keys = age_keys.identities(identity) if identity else None
        chosen = _one_of(keys, _passphrase(passphrase_file), "--identity", "--passphrase-file")
        held = restoring.restore(_in(data_dir), file, chosen, at=system_clock(), progress=bars)
    typer.echo(f"restored as it was at {held.made_at:%Y-%m-%d %H:%M:%S} UTC: {sum(held.tables.values()):,} rows")
    typer.echo("start it with `evenhand serve`; terminals send again what it does not know")


@app.command(rich_help_panel=PANEL)
def backup_key(
    out: Annotated[Path, typer.Option(help="File for the secret key; keep it away from the server.")],
) -> None:
    """Make a key for backups: the secret one goes into a file, the public one (--recipient) is printed."""
    import os

    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    from server.keeping import age_keys

    key = X25519PrivateKey.generate()
    public = age_keys.written_public(key.public_key())
    with _refusals(), os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as sink:
        sink.write(f"# public key: {public}\n{age_keys.written_secret(key)}\n")
    typer.echo(public)


@app.command(rich_help_panel=PANEL)
def renew_secrets_key(data_dir: DataDir = None) -> None:
    """Seal second factors and webhooks' secrets by a new key; older keys stay in the file, for backups of before."""
    from server.integrations import webhooks
    from server.kit import audit, sealing
    from server.kit.db import transaction
    from server.kit.identity import SYSTEM
    from server.kit.runtime import open_runtime
    from server.operators import second_factor

    chosen = _in(data_dir)
    with _refusals(), open_runtime(chosen, need_broker=False) as runtime:
        sealing.add_key(chosen)
        with transaction(runtime.sessions) as session:
            done = {"second_factors": second_factor.seal_anew(session), "webhooks": webhooks.seal_anew(session)}
            at = runtime.clock()
            audit.record(session, actor=SYSTEM, action="secrets.sealed_anew", subject="secrets", at=at, detail=done)
    typer.echo(f"sealed anew: {done['second_factors']} second factors, {done['webhooks']} webhooks")


def _in(data_dir: Path | None) -> "Settings":
    chosen = settings()
    return chosen if data_dir is None else chosen.model_copy(update={"data_dir": data_dir})


def _passphrase(path: Path | None) -> "Passphrase | None":
    from server.keeping.age import Passphrase
    from server.keeping.age_keys import KeyRefusedError

    if path is None:
        return None
    words = path.read_text(encoding="utf-8").partition("\n")[0].strip()
    if len(words) < LEAST_LETTERS:
        raise KeyRefusedError(
            f"{path} holds a passphrase of {len(words)} letters in its first line: {LEAST_LETTERS} at least"
        )
    return Passphrase(words)


def _one_of(keys: T | None, passphrase: "Passphrase | None", first: str, second: str) -> "T | Passphrase":
    chosen = keys if passphrase is None else passphrase
    if chosen is None or (keys is not None and passphrase is not None):
        from server.keeping.age_keys import KeyRefusedError

        raise KeyRefusedError(f"name {first} or {second}, one of them: backups are always encrypted")
    return chosen


@contextmanager
def _refusals() -> Iterator[None]:
    """Say what is refused in one line, exit 2."""
    from server.keeping.age import SealedFileError
    from server.keeping.age_keys import KeyRefusedError
    from server.keeping.archive import BackupRefusedError
    from server.kit.runtime import NotRunningError
    from server.kit.sealing import SealError

    try:
        yield
    except (BackupRefusedError, KeyRefusedError, NotRunningError, SealError, SealedFileError) as error:
        typer.echo(f"evenhand: {error}", err=True)
    except OSError as error:
        typer.echo(f"evenhand: {error.filename or 'file'}: {error.strerror}; nothing was written", err=True)
    else:
        return
    raise typer.Exit(UNREADABLE)
