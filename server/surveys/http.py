"""The programs' interface of surveys."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header
from pydantic import BaseModel

from contract.errors import Rejected
from server.kit import http, paging
from server.surveys import queries, results, rules, service

surveys = http.router("/api/v1/surveys", tag="surveys", roles=(), shops="reads")

PLANNER = [Depends(http.needs("planner"))]

RevisionSeen = Annotated[int | None, Header(alias="If-Match", description="the revision of the draft that was seen")]


class Written(BaseModel):
    """The new survey's id."""

    id: UUID


class Rewrite(BaseModel):
    """A draft anew; ``revision`` is the one that was seen."""

    revision: int
    draft: rules.Draft


class Published(BaseModel):
    """How many retailers are asked."""

    asked: int


class Reminded(BaseModel):
    """How many retailers had not answered and are asked again."""

    shops: int


class Results(BaseModel):
    """A survey with what was answered; ``rate`` is answered of asked.

    ``strata`` say with which probability their shops were asked, and for how many shops each answer stands. Estimates
    are for all shops of the audience, ``low`` and ``high`` the bounds of their interval of 95 %.
    """

    survey: queries.Survey
    rate: float | None
    strata: list[results.Part]
    results: list[results.Result]


@surveys.get("")
def list_surveys(
    session: http.Db, page: paging.Paged, state: queries.SurveyState | None = None
) -> list[queries.Survey]:
    """Return surveys, the newest first."""
    found = queries.surveys(session, state=state, before=page.key(int), limit=page.one_more)
    return page.rows(found, lambda survey: (survey.number,))


@surveys.post("", status_code=201, dependencies=PLANNER)
def write_survey(draft: rules.Draft, session: http.Db, operator: http.Person, clock: http.Now) -> Written:
    """Keep a new draft."""
    return Written(id=service.write_survey(session, draft, operator, at=clock()))


@surveys.get("/{survey}")
def show_survey(survey: UUID, session: http.Db) -> queries.Survey:
    """Return one survey."""
    return _known(session, survey)


@surveys.put("/{survey}", status_code=204, dependencies=PLANNER)
def rewrite_survey(survey: UUID, body: Rewrite, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Put a draft anew."""
    service.rewrite_survey(session, survey, body.draft, operator, revision=body.revision, at=clock())


@surveys.post("/{survey}/publish", dependencies=PLANNER)
def publish_survey(
    survey: UUID, session: http.Db, operator: http.Person, clock: http.Now, if_match: RevisionSeen = None
) -> Published:
    """Fix the questions and ask the audience as soon as the survey opens; with ``If-Match`` only what was seen."""
    return Published(asked=service.publish_survey(session, survey, operator, at=clock(), revision=if_match))


@surveys.post("/{survey}/close", status_code=204, dependencies=PLANNER)
def close_survey(survey: UUID, session: http.Db, operator: http.Person, clock: http.Now, config: http.Config) -> None:
    """Close a survey before its time."""
    service.close_survey(session, survey, operator, at=clock().astimezone(config.tz))


@surveys.post("/{survey}/remind", dependencies=PLANNER)
def remind(survey: UUID, session: http.Db, operator: http.Person, clock: http.Now) -> Reminded:
    """Ask the shops again that have not answered."""
    return Reminded(shops=service.remind(session, survey, operator, at=clock()))


@surveys.get("/{survey}/results")
def show_results(survey: UUID, session: http.Db, operator: http.Person) -> Results:
    """Return what was answered so far. Of an anonymous survey, who sees a part of the shops alone gets no answers."""
    found = _known(session, survey)
    if found.anonymous and operator.bounded:
        return Results(survey=found, rate=found.rate, strata=[], results=[])
    strata = results.parts(session, found)
    told = results.results(session, found, strata, bounded=operator.bounded)
    return Results(survey=found, rate=found.rate, strata=strata, results=told)


def _known(session: http.Db, survey: UUID) -> queries.Survey:
    found = queries.survey(session, survey)
    if found is None:
        raise Rejected("not_found", what="survey", name=str(survey))
    return found
