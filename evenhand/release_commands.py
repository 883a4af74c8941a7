"""``evenhand fleet release``: build a release, let people sign it, publish it. docs/fleet.md walks through it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evenhand.command_line import UNREADABLE
from evenhand.server_commands import settings

if TYPE_CHECKING:
    from securesystemslib.signer import SSlibKey

    from server.releases.repository import Draft, Repository

app = typer.Typer(help="Releases of the terminal's software: build, sign, publish.", no_args_is_help=True)
DataDir = Annotated[Path | None, typer.Option(help="Folder of the installation; EVENHAND_DATA_DIR where absent.")]
PassphraseFile = Annotated[
    Path | None, typer.Option(help="File whose first line is the passphrase; asked for where absent.")
]
RootKeys = Annotated[list[Path] | None, typer.Option("--root-key", help="Public key (.pub) of a holder; repeat it.")]
TargetsKeys = Annotated[
    list[Path] | None, typer.Option("--targets-key", help="The same for the list of releases; the root's where absent.")
]
Threshold = Annotated[int, typer.Option(min=1, help="How many of the holders must sign.")]
OtherThreshold = Annotated[int | None, typer.Option(min=1, help="How many must sign the list of releases.")]


@app.command()
def key(
    out: Annotated[Path, typer.Argument(help="File for the private key; .pub is written beside it.")],
    passphrase_file: PassphraseFile = None,
) -> None:
    """Make a holder's key, on the holder's own machine. The private half never leaves it."""
    from server.releases import keys

    with _refusals():
        made = keys.make(out, _passphrase(passphrase_file, confirm=True))
    typer.echo(
        f"{out}.pub: take this to the server. Key {made.keyid[:8]}; {out} stays here, its passphrase in your head"
    )


@app.command()
def init(
    root_key: RootKeys = None,
    targets_key: TargetsKeys = None,
    threshold: Threshold = 2,
    targets_threshold: OtherThreshold = None,
    data_dir: DataDir = None,
) -> None:
    """Begin the repository: draft its first root and an empty list, to be signed by the holders."""
    from server.releases import drafting

    with _refusals():
        repository, roots = _repository(data_dir), _public(root_key)
        lists = _public(targets_key) if targets_key else roots
        drafting.init(repository, roots, threshold, lists, targets_threshold or threshold, _now())
        _tell(repository.drafts(), repository)


@app.command()
def build(
    out: Annotated[Path, typer.Argument(help="Folder for the archive.")],
    version: Annotated[str, typer.Option(help="Version of the release, three numbers.")],
    *,
    with_packages: Annotated[
        bool, typer.Option(help="Bring the locked packages along; without them the machine's are used.")
    ] = True,
    checkout: Annotated[Path, typer.Option(help="The checkout, after `make setup`.")] = Path(),
) -> None:
    """Build the terminal of this checkout into one archive, which `add` takes."""
    from evenhand import release_building

    with _refusals():
        built = release_building.build(checkout.resolve(), out, version, with_packages=with_packages, at=_now())
    typer.echo(f"{built}: {built.stat().st_size:,} bytes")


@app.command()
def add(
    archive: Annotated[Path, typer.Argument(help="What `build` made.")],
    notes_zh: Annotated[str, typer.Option(help="What is new, in Chinese.")] = "",
    notes_en: Annotated[str, typer.Option(help="What is new, in English.")] = "",
    minimum_version: Annotated[str, typer.Option(help="What must run on a terminal before it.")] = "0.0.0",
    model: Annotated[
        list[str] | None, typer.Option(help="Model of terminal that it is meant for; all where absent.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Put a release on the list that is signed next."""
    from server.releases import describing, drafting

    with _refusals():
        repository = _repository(data_dir)
        described = describing.describe(
            archive, notes_zh=notes_zh, notes_en=notes_en, minimum_version=minimum_version, models=tuple(model or ())
        )
        drafting.add(repository, archive, described, _now())
        _tell(repository.drafts(), repository)


@app.command()
def withdraw(
    version: Annotated[str, typer.Argument(help="Version that nobody gets any more.")], data_dir: DataDir = None
) -> None:
    """Take a release off the list that is signed next. Terminals that run it go on."""
    from server.releases import drafting

    with _refusals():
        repository = _repository(data_dir)
        drafting.withdraw(repository, version, _now())
        _tell(repository.drafts(), repository)


@app.command()
def rotate(
    root_key: RootKeys = None,
    targets_key: TargetsKeys = None,
    threshold: Threshold = 2,
    targets_threshold: OtherThreshold = None,
    *,
    online: Annotated[bool, typer.Option("--online", help="Give the server a new key of its own, too.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Draft the next root: other holders where keys are named, the same for another year where none are."""
    from server.releases import drafting

    with _refusals():
        repository = _repository(data_dir)
        drafting.rotate(
            repository,
            _now(),
            root_keys=(_public(root_key), threshold) if root_key else None,
            targets_keys=(_public(targets_key), targets_threshold or threshold) if targets_key else None,
            online=online,
        )
        _tell(repository.drafts(), repository)


@app.command()
def renew(data_dir: DataDir = None) -> None:
    """Draft the list of releases as it is, to hold for longer."""
    from server.releases import drafting

    with _refusals():
        repository = _repository(data_dir)
        drafting.renew_targets(repository, _now())
        _tell(repository.drafts(), repository)


@app.command()
def sign(
    draft: Annotated[Path, typer.Argument(help="root.json or targets.json, a copy of the server's draft.")],
    key: Annotated[Path, typer.Option(help="Your private key.")],
    passphrase_file: PassphraseFile = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether what is shown is what you mean.")] = False,
) -> None:
    """Show what a draft says, and sign it into the same file. Done on the holder's machine, without any server."""
    from server.releases import describing

    with _refusals():
        for line in describing.in_words(draft):
            typer.echo(line)
        if not yes:
            typer.confirm("Sign this?", abort=True)
        signed = describing.sign(draft, key, _passphrase(passphrase_file))
    typer.echo(f"{draft}: signed by {signed[:8]}; take it to the server, and `collect` it there")


@app.command()
def collect(
    signed: Annotated[list[Path], typer.Argument(help="Files that holders signed.")], data_dir: DataDir = None
) -> None:
    """Take over signatures that holders brought."""
    from server.releases import drafting

    with _refusals():
        repository = _repository(data_dir)
        _tell(drafting.collect(repository, signed), repository)


@app.command()
def publish(data_dir: DataDir = None) -> None:
    """Publish what is drafted and signed; terminals see it at once. It is audited, so the database must be there."""
    from server.kit import audit
    from server.kit.db import transaction
    from server.kit.identity import SYSTEM
    from server.kit.runtime import open_runtime
    from server.releases import publishing

    chosen = settings()
    chosen = chosen if data_dir is None else chosen.model_copy(update={"data_dir": data_dir})
    with _refusals(), open_runtime(chosen, need_broker=False) as runtime:
        repository = _repository(data_dir)
        done = publishing.publish(repository, runtime.clock())
        detail = {
            "numbers": {draft.role: draft.version for draft in done},
            "signed_by": sorted({one.key[:8] for draft in done for one in draft.signatures if one.signed}),
            "releases": [one.name for one in repository.releases()],
        }
        with transaction(runtime.sessions) as session:
            audit.record(
                session, actor=SYSTEM, action="release.published", subject="releases", at=runtime.clock(), detail=detail
            )
    typer.echo("published: " + ", ".join(f"{draft.role} number {draft.version}" for draft in done))


@app.command()
def timestamp(data_dir: DataDir = None) -> None:
    """Sign the server's own roles anew, now. The worker does so by itself twice a day."""
    from server.releases import publishing

    with _refusals():
        done = publishing.renew(_repository(data_dir), _now(), anyway=True)
    typer.echo("signed anew: " + (", ".join(done) or "nothing, for nothing is published yet"))


@app.command(name="list")
def list_(data_dir: DataDir = None) -> None:
    """Show what is published, until when each signature holds, and what waits for signatures."""
    from server.releases import rules

    with _refusals():
        repository, now = _repository(data_dir), _now()
        for one in repository.releases():
            least = one.release.minimum_version
            typer.echo(f"{one.name}  {one.size_bytes:,} bytes" + (f"  from {least} on" if least != "0.0.0" else ""))
        for role in repository.standings():
            signed = sum(one.signed for one in role.signatures)
            stands = {"holds": "", "ends_soon": "  ENDS SOON", "expired": "  EXPIRED"}
            typer.echo(
                f"{role.role} number {role.version}: until {role.expires:%Y-%m-%d %H:%M} UTC, {signed} of"
                f" {len(role.signatures)} signed, {role.threshold} wanted"
                + stands[rules.standing(role.role, role.expires, now)]
            )
        if not repository.exists:
            typer.echo("nothing is published yet")
        _tell(repository.drafts(), repository)


@app.command()
def root(out: Annotated[Path, typer.Argument(help="File for images and terminals.")], data_dir: DataDir = None) -> None:
    """Write the first root, which goes into every image: a terminal trusts what it leads to."""
    import shutil

    with _refusals():
        repository = _repository(data_dir)
        repository.root()
        shutil.copyfile(repository.metadata / "1.root.json", out)
    typer.echo(f"{out}: start terminals with --update-root {out}")


def _tell(drafts: "list[Draft]", repository: "Repository") -> None:
    for draft in drafts:
        missing = ", ".join(one.key[:8] for one in draft.signatures if not one.signed)
        path = repository.draft / f"{draft.role}.json"
        wanted = f"{draft.wanted} more signatures wanted, of {missing}" if draft.wanted else "signed; `publish` it"
        typer.echo(f"{path}: draft of {draft.role} number {draft.version}; {wanted}")


def _repository(data_dir: Path | None) -> "Repository":
    from server.releases.repository import Repository

    return Repository(data_dir or settings().data_dir)


def _public(paths: list[Path] | None) -> "list[SSlibKey]":
    from server.releases import keys
    from server.releases.errors import ReleaseRefusedError

    if not paths:
        raise ReleaseRefusedError("name the holders' public keys by --root-key FILE.pub, once for each")
    return [keys.public(path) for path in paths]


def _passphrase(path: Path | None, *, confirm: bool = False) -> str:
    if path is None:
        asked: str = typer.prompt("Passphrase", hide_input=True, confirmation_prompt=confirm)
        return asked
    return path.read_text(encoding="utf-8").partition("\n")[0].strip()


def _now() -> datetime:
    from server.kit.clock import system_clock

    return system_clock()


@contextmanager
def _refusals() -> Iterator[None]:
    """Say in one line why it is not done, exit 2."""
    from server.kit.processes import StartError
    from server.kit.runtime import NotRunningError
    from server.releases.errors import ReleaseRefusedError

    try:
        yield
    except (ReleaseRefusedError, NotRunningError, StartError) as error:
        typer.echo(f"evenhand: {error}", err=True)
    except OSError as error:
        typer.echo(f"evenhand: {error.filename or 'file'}: {error.strerror}; nothing was written", err=True)
    else:
        return
    raise typer.Exit(UNREADABLE)
