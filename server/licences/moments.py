"""What happened to a shop's licences, for its timeline."""

from datetime import datetime

from sqlalchemy import Select, literal

from server.kit.console import N_
from server.kit.console.moments import Moments, moments, numbered
from server.licences.console_files import MATTERS, STEPS
from server.licences.models import FileRow, NoticeRow, StepRow


def _steps(retailer: str) -> Select[datetime, str, str, str]:
    query = moments(
        StepRow.at,
        FileRow.matter.concat(".").concat(StepRow.step),
        numbered(FileRow.number).concat(literal(" · ")).concat(StepRow.words),
        FileRow.number,
    )
    return query.join(FileRow, FileRow.id == StepRow.file).where(StepRow.retailer == retailer)


def _notices(retailer: str) -> Select[datetime, str, str, str]:
    said = NoticeRow.licence_class.concat(literal(" ")).concat(NoticeRow.number)
    return moments(NoticeRow.at, "told", said).where(NoticeRow.retailer == retailer)


MOMENTS = (
    Moments(
        {f"{matter}.{step}": (said, done) for matter, said in MATTERS.items() for step, done in STEPS.items()},
        "/console/licences/files/{key}",
        _steps,
    ),
    Moments({"told": (N_("told that a licence runs out"),)}, "", _notices),
)
