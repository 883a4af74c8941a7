"""A run as files that anybody can check: what it was computed from as it stood then, and what it came to.

The archive is made and kept with the run when that is computed: what changes later, a retailer's market type or a late
figure, does not change it, and who asks for it is given the bytes that lie there. ``given/`` and ``scores/`` are what
``evenhand verify-score`` takes, ``previous/`` the scores that the tiers follow on from. Retailers are codes; persons
appear where they answer for a decision.
"""

import io
import zipfile
from collections.abc import Iterable, Mapping
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

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


def packed(given: Mapping[str, bytes], scores: Mapping[str, bytes], before: bytes | None) -> bytes:
    """Return a run as an archive: both folders, and the scores of ``before``, the archive of the run before it.

    The same bytes for the same files.
    """
    files = [("README.txt", README.format(previous=f" --previous {PREVIOUS}" if before else "").encode())]
    files += [
        (f"{folder}/{name}", content)
        for folder, listed in ((GIVEN, given), (SCORES, scores))
        for name, content in sorted(listed.items())
    ]
    if before is not None:
        named = {f"{SCORES}/{name}": f"{PREVIOUS}/{name}" for name in ("certificate.json", "scores.csv")}
        files += [(named[name], content) for name, content in _members(before) if name in named]
    return _zipped(files)


def archive(session: Session, number: int) -> bytes:
    """Return a run's archive as it was kept.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``wrong_state``, where it is not computed yet, or could not be.
    """
    found = session.execute(select(ScoreRun.state, ScoreRun.files).where(ScoreRun.number == number)).one_or_none()
    if found is None:
        raise Rejected("not_found", what="score run", name=str(number))
    state, files = found
    if files is None:
        raise Conflict("wrong_state", state=state, needed="draft")
    return files


def _members(content: bytes) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(content)) as found:
        return [(name, found.read(name)) for name in found.namelist()]


def _zipped(files: Iterable[tuple[str, bytes]]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files:
            made.writestr(zipfile.ZipInfo(name, _EARLIEST), data, zipfile.ZIP_DEFLATED)
    return content.getvalue()
