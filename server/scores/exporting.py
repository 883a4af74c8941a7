"""A run as files that anybody can check: what it was computed from as it stood then, and what it came to.

The files are kept with the run when it is computed: what changes later, a retailer's market type or a late figure,
does not change them. ``given/`` and ``scores/`` are what ``evenhand verify-score`` takes, ``previous/`` the scores
that the tiers follow on from. Retailers are codes; persons appear where they answer for a decision.
"""

import io
import zipfile
from collections.abc import Iterable, Mapping
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from contract.errors import Conflict, Rejected
from server.scores.models import ScoreRun

GIVEN: Final = "given"
SCORES: Final = "scores"
PREVIOUS: Final = "previous"
POLICY: Final = "score.toml"
MEDIA: Final = "application/zip"
README: Final = """This is one run of capability scores: what it was computed from (given/), what it came to (scores/),
and, where there were any, the scores before it (previous/). To count all of it once more:
本压缩包为一次经营能力评分：given/ 为计算依据，scores/ 为评分结果，previous/ 为上一次评分（如有）。复核全部结果：

    evenhand verify-score given scores{previous}
"""

_EARLIEST: Final = (1980, 1, 1, 0, 0, 0)


def packed(given: Mapping[str, bytes], scores: Mapping[str, bytes]) -> bytes:
    """Return both folders as an archive; the same bytes for the same files."""
    return _zipped(
        [
            (f"{folder}/{name}", content)
            for folder, files in ((GIVEN, given), (SCORES, scores))
            for name, content in sorted(files.items())
        ]
    )


def archive(session: Session, number: int) -> bytes:
    """Return a run's files as an archive, with those scores before it that the checker asks for.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``wrong_state``, where it is not computed yet, or could not be.
    """
    row = _row(session, number)
    if row is None:
        raise Rejected("not_found", what="score run", name=str(number))
    if row.files is None:
        raise Conflict("wrong_state", state=row.state, needed="draft")
    before = None if row.previous is None else _row(session, row.previous)
    files = [("README.txt", README.format(previous=f" --previous {PREVIOUS}" if before else "").encode())]
    files += _members(row.files)
    if before is not None and before.files is not None:
        named = {f"{SCORES}/{name}": f"{PREVIOUS}/{name}" for name in ("certificate.json", "scores.csv")}
        files += [(named[name], content) for name, content in _members(before.files) if name in named]
    return _zipped(files)


def _row(session: Session, number: int) -> ScoreRun | None:
    return session.scalars(
        select(ScoreRun).where(ScoreRun.number == number).options(undefer(ScoreRun.files))
    ).one_or_none()


def _members(content: bytes) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(content)) as found:
        return [(name, found.read(name)) for name in found.namelist()]


def _zipped(files: Iterable[tuple[str, bytes]]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files:
            made.writestr(zipfile.ZipInfo(name, _EARLIEST), data, zipfile.ZIP_DEFLATED)
    return content.getvalue()
