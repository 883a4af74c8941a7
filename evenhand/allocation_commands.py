"""Commands of the allocation core: they translate between a person and the library, and decide nothing."""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from evenhand.command_line import UNREADABLE, Stages, errors_in_one_line, progress_bars

if TYPE_CHECKING:
    from allocation.proving import Proof
    from allocation.verification import Verdict
    from allocation.verification.sentences import Sentence

PANEL: Final = "Allocation"
VIOLATED: Final = 1

app = typer.Typer()
seed_app = typer.Typer(
    help="Commit to a secret before the window opens; reveal it with the result.", no_args_is_help=True
)

ProblemFolder = Annotated[Path, typer.Argument(metavar="PROBLEM", help="Folder with requests.csv and supply.csv.")]
ResultFolder = Annotated[Path, typer.Argument(metavar="RESULT", help="Folder that evenhand allocate has written.")]


class Language(StrEnum):
    """Languages of explanations."""

    ENGLISH = "en"
    CHINESE = "zh"


@app.command(rich_help_panel=PANEL)
def allocate(
    problem: ProblemFolder,
    out: Annotated[Path, typer.Option(help="Folder for the result; an earlier result there is replaced.")],
    policy: Annotated[Path | None, typer.Option(help="Policy file; PROBLEM/policy.toml where absent.")] = None,
    seed: Annotated[str | None, typer.Option(help="64 hexadecimal digits, instead of the policy's seed.")] = None,
    seed_proof: Annotated[
        Path | None, typer.Option(help="File of `seed reveal`: the seed, with the proof of where it comes from.")
    ] = None,
    dask: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Fill on a Dask cluster: a scheduler's address, or local:N for N processes."
        ),
    ] = None,
    shards: Annotated[
        int | None, typer.Option(min=1, help="Cut the lines into so many shards; the result is the same.")
    ] = None,
    *,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")] = False,
) -> None:
    """Share out the supply of a problem folder; all of the result is written, or nothing.

    Exit codes: 0 written, 1 not solved or not written, 2 input refused.
    """
    with errors_in_one_line(), progress_bars(quiet=quiet) as progress:
        from allocation import solve  # numpy takes its time; other commands do without
        from allocation.folders import POLICY_FILE, read_policy, read_problem, write_result

        stages = Stages()
        stated = read_policy(policy or problem / POLICY_FILE, needed=policy is not None)
        asked = read_problem(problem, progress)
        stages.end("read")
        proof = _read_proof(seed_proof) if seed_proof else None
        with _places(dask, shards) as places:
            result = solve(asked, stated, seed=seed, seed_proof=proof, progress=progress, places=places)
        stages.end("solved")
        write_result(result, out, progress)
        stages.end("written")
    if not quiet:
        totals = result.report["totals"]
        typer.echo(
            f"{totals['lines']:,} lines: {totals['granted']:,} units granted of {totals['requested']:,} requested, "
            f"{totals['supply']:,} on offer; written to {out}"
        )
        typer.echo(str(stages))
        if policy or seed or seed_proof:
            typer.echo(_TO_VERIFY.format(place=problem / POLICY_FILE))
            typer.echo("".join(f'    {key} = "{value}"\n' for key, value in result.report["policy"].items()), nl=False)


_TO_VERIFY: Final = "verify asks the policy beside the problem to be the one of the result; {place} must then say"


@app.command(rich_help_panel=PANEL)
def verify(
    problem: ProblemFolder,
    result: Annotated[
        Path | None,
        typer.Argument(
            metavar="RESULT", help="Folder of the result; absent where the first holds problem/ and result/."
        ),
    ] = None,
    lang: Annotated[Language, typer.Option(help="Language.")] = Language.ENGLISH,
    *,
    prove: Annotated[
        bool, typer.Option("--prove", help="Prove a small result by linear programmes as well, as far as that goes.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print verdict and proof as JSON.")] = False,
) -> None:
    """Check a result against its problem, without a solver.

    An exported cycle is one folder that holds both: name it alone.

    Exit codes: 0 holds, 1 violated (names the first lines), 2 unreadable, or not all of it could be proved.
    """
    if result is None:
        problem, result = problem / "problem", problem / "result"
    with errors_in_one_line():
        from allocation.verification import verify_folders

        verdict = verify_folders(problem, result)
    proof, refused = _proof_of(problem, result) if prove and verdict.holds else (None, ())
    if as_json:
        proved = proof.as_dict(lang.value) if proof else {"unproved": [reason.said(lang.value) for reason in refused]}
        told = verdict.as_dict(lang.value) | ({"proof": proved} if prove and verdict.holds else {})
        typer.echo(json.dumps(told, ensure_ascii=False, indent=1))
    else:
        _tell(verdict, proof, refused, lang.value)
    if not verdict.holds or (proof and not proof.holds):
        raise typer.Exit(VIOLATED)
    if refused:
        raise typer.Exit(UNREADABLE)


def _proof_of(problem: Path, result: Path) -> "tuple[Proof | None, tuple[Sentence, ...]]":
    """Return what is proved, and why not all of it is."""
    with errors_in_one_line():
        from allocation.proving import Unprovable, prove_folders

        try:
            proof = prove_folders(problem, result)
        except Unprovable as reason:
            return None, (reason.sentence,)
    return proof, proof.unproved


def _tell(verdict: "Verdict", proof: "Proof | None", refused: "Iterable[Sentence]", lang: str) -> None:
    """Print what was found, sentence by sentence: what speaks against the result on standard error, lines first."""
    lines_first = sorted(verdict.violations, key=lambda violation: violation.place.endswith((".csv", ".json", ".html")))
    for violation in lines_first:
        typer.echo(violation.said(lang), err=True)
    found, more = f"{verdict.found:,}", verdict.found - len(verdict.violations)
    if more > 0:
        typer.echo(_SAID["more"][lang].format(more=f"{more:,}"), err=True)
    if not verdict.holds:
        typer.echo(_SAID["violated"][lang].format(found=found), err=True)
    if verdict.holds:
        typer.echo(_SAID["holds"][lang].format(lines=f"{verdict.lines:,}"))
    for sentence in proof.sentences if proof else ():
        typer.echo(sentence.said(lang))
    for contradiction in proof.contradictions if proof else ():
        typer.echo(contradiction.said(lang), err=True)
    for reason in refused:
        typer.echo(_SAID["not proved"][lang].format(reason=reason.said(lang)), err=True)


_SAID: Final = {
    "holds": {"en": "holds: {lines} lines checked", "zh": "成立：已核验 {lines} 行"},
    "violated": {"en": "violated: {found} in all", "zh": "不成立：共 {found} 处"},
    "more": {"en": "not shown: {more}", "zh": "未列出：{more} 处"},
    "no line": {
        "en": "evenhand: {result} has no line of retailer {retailer}",
        "zh": "evenhand：{result} 中没有零售户 {retailer} 的行",
    },
    "no line of SKU": {
        "en": "evenhand: {result} has no line of retailer {retailer}, SKU {sku}",
        "zh": "evenhand：{result} 中没有零售户 {retailer}、品规 {sku} 的行",
    },
    "not proved": {"en": "evenhand: not proved: {reason}", "zh": "evenhand：未证明：{reason}"},
}


@app.command(rich_help_panel=PANEL)
def explain(
    result: ResultFolder,
    retailer: Annotated[str, typer.Option(help="Name of the retailer.")],
    sku: Annotated[str | None, typer.Option(help="Name of the SKU; all lines of the retailer where absent.")] = None,
    lang: Annotated[Language, typer.Option(help="Language.")] = Language.ENGLISH,
) -> None:
    """Say in one sentence why a line got what it got, then the numbers."""
    with errors_in_one_line():
        import allocation
        from allocation.folders import read_result

        published = read_result(result)
        names = [sku] if sku is not None else [row.sku for row in published.rows_of(retailer)]
        try:
            texts = [allocation.explain(published, retailer, name, lang.value) for name in names]
        except KeyError:
            texts = []
    if not texts:
        wanted = _SAID["no line of SKU" if sku else "no line"][lang.value]
        typer.echo(wanted.format(result=result, retailer=retailer, sku=sku), err=True)
        raise typer.Exit(UNREADABLE)
    typer.echo("\n\n".join(texts))


@seed_app.command("commit")
def seed_commit(
    out: Annotated[Path, typer.Option(help="New file for the secret, readable by you alone.")],
) -> None:
    """Draw a secret, keep it in a file, and print its commitment to be published before the window opens."""
    with errors_in_one_line():
        from allocation.seeding import commitment, draw_secret

        secret = draw_secret()
        handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secret.hex() + "\n")
    typer.echo(commitment(secret).hex())


@seed_app.command("reveal")
def seed_reveal(
    secret_file: Annotated[Path, typer.Argument(metavar="SECRET", help="File that `seed commit` has written.")],
    root: Annotated[str, typer.Option(help="Merkle root of the frozen order book, 64 hexadecimal digits.")],
    out: Annotated[Path | None, typer.Option(help="New file for the proof, for `allocate --seed-proof`.")] = None,
) -> None:
    """Print secret, commitment, root and the seed that follows from them, as JSON."""
    with errors_in_one_line():
        from allocation.seeding import SeedProof, commitment

        secret = _hexadecimal("secret", _read_secret(secret_file))
        proof = SeedProof(commitment(secret), secret, _hexadecimal("root", root))
        text = json.dumps(proof.as_dict() | {"seed": proof.seed.hex()}, indent=1) + "\n"
        if out is not None:
            with out.open("x", encoding="ascii") as file:
                file.write(text)
    typer.echo(text, nl=False)


@contextmanager
def _places(dask: str | None, shards: int | None) -> Iterator[Any]:
    """Yield where shards are filled: on a cluster, here one after the other, or, where nothing is asked for, None."""
    if dask is not None:
        from allocation.sharding.dask_places import on_dask

        with on_dask(dask, shards) as places:
            yield places
    elif shards is not None:
        from allocation.sharding import Here

        yield Here(shards)
    else:
        yield None


def _read_proof(path: Path) -> Any:
    from allocation.errors import InputError
    from allocation.seeding import SeedProof

    try:
        parts = json.loads(path.read_bytes())
        return SeedProof(*(bytes.fromhex(parts[part]) for part in ("commitment", "secret", "root")))
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(path.name, f"not a proof of a seed: {error}; write it by evenhand seed reveal") from error


def _read_secret(path: Path) -> str:
    from allocation.errors import InputError

    try:
        return path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise InputError(str(path), f"{error.strerror}; give the file that evenhand seed commit has written") from error


def _hexadecimal(what: str, text: str) -> bytes:
    from allocation.errors import InputError

    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise InputError(what, "64 hexadecimal digits are needed", value=text) from error
