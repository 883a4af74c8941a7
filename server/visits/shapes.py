"""What is sent of a visit or a call, once the network is there: by the page that keeps drafts, and by programs."""

from datetime import date, datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from server.visits.rule_fields import QUESTION_MOST
from server.visits.rules import QUESTIONS_MOST, Outcome, Sort

WORDS_MOST: Final = 2_000
COUNTS_MOST: Final = 40
PROMISES_MOST: Final = 5
PHOTOS_MOST: Final = 3
UNITS_MOST: Final = 1_000_000

PlaceSaid = Literal["given", "refused", "unavailable", "not_asked"]
Words = Annotated[str, StringConstraints(max_length=WORDS_MOST)]
Key = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,60}$")]
Units = Annotated[int, Field(ge=0, le=UNITS_MOST, strict=True)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Place(_Part):
    """Where the device says that it was, in degrees, and within how many metres."""

    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
    accuracy_m: Annotated[int, Field(ge=0, le=UNITS_MOST)]


class Answer(_Part):
    """A line of the checklist or script, and what was found."""

    question: Annotated[str, StringConstraints(min_length=1, max_length=QUESTION_MOST)]
    answer: Literal["yes", "no", "not_asked"]
    words: Annotated[str, StringConstraints(max_length=300)] = ""


class Count(_Part):
    """What was counted of a SKU: in stock, and on the shelf; none where it was not counted."""

    sku: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    stock_units: Units | None = None
    shelf_units: Units | None = None


class Promise(_Part):
    """What was promised, and until when."""

    words: Annotated[str, StringConstraints(min_length=1, max_length=300, strip_whitespace=True)]
    due_on: date


class KeptVisit(_Part):
    """One visit or call. ``id`` is the draft's own: sent again it counts once. ``at`` is by the device's clock."""

    id: UUID
    retailer: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    sort: Sort
    rule: Key | None = None
    stop: UUID | None = None
    at: AwareDatetime
    place: Place | None = None
    place_said: PlaceSaid = "not_asked"
    answers: Annotated[tuple[Answer, ...], Field(max_length=QUESTIONS_MOST)] = ()
    counts: Annotated[tuple[Count, ...], Field(max_length=COUNTS_MOST)] = ()
    words: Words = ""
    outcome: Outcome
    try_again_on: date | None = None
    promises: Annotated[tuple[Promise, ...], Field(max_length=PROMISES_MOST)] = ()

    @model_validator(mode="after")
    def _fits_together(self) -> "KeptVisit":
        if (self.outcome in {"done", "shut"}) != (self.sort == "visit"):
            raise ValueError("a visit is done or found the shop shut; a call is reached, not_reached or try_again")
        if (self.outcome == "try_again") != (self.try_again_on is not None):
            raise ValueError("try_again needs the day try_again_on, and nothing else has one")
        if (self.place_said == "given") != (self.place is not None):
            raise ValueError("a place is given, or place_said says why there is none")
        if len({one.sku for one in self.counts}) != len(self.counts):
            raise ValueError("each SKU is counted once")
        return self


class Receipt(BaseModel):
    """That a visit is kept: under which number, since when, by whose clock, and whether it was kept before."""

    id: UUID
    number: int
    received_at: datetime
    at: datetime
    time_from: Literal["device", "server"]
    again: bool
