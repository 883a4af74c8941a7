"""Which terminals a rollout is for: a list of them, groups, or all that fit a query."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy.orm import Session

from server.devices import queries as devices
from server.fleet import members
from server.retailers import queries as retailers
from server.retailers.rules import Audience
from server.steering import queries as steering

Word = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
MOST_NAMED = 20_000


class Target(BaseModel):
    """``devices``: these, by their ids. Else those that fit every part that names something; all where none does."""

    model_config = ConfigDict(frozen=True)

    devices: Annotated[tuple[Word, ...], Field(max_length=MOST_NAMED)] = ()
    regions: Annotated[tuple[Word, ...], Field(max_length=200)] = ()
    routes: Annotated[tuple[Word, ...], Field(max_length=500)] = ()
    tiers: Annotated[tuple[int, ...], Field(max_length=100)] = ()
    versions: Annotated[tuple[Word, ...], Field(max_length=50)] = ()
    models: Annotated[tuple[Word, ...], Field(max_length=50)] = ()
    channels: Annotated[tuple[Word, ...], Field(max_length=10)] = ()
    groups: Annotated[tuple[Word, ...], Field(max_length=50)] = ()


def terminals(session: Session, target: Target, *, at: datetime) -> list[tuple[str, str, str]]:
    """Return (device, retailer, channel) of the terminals meant that are not revoked, in the order of their ids.

    Of several groups those are meant that are in any, as they are at ``at``.

    Raises
    ------
    Rejected
        ``not_found``: a group is not there, or not any more.
    """
    wanted = set(target.devices)
    grouped = {one for name in target.groups for one in session.scalars(members.devices_in_group(session, name, at=at))}
    shops = None
    if target.regions or target.routes or target.tiers:
        shops = set(retailers.codes_in(session, Audience(target.regions, target.routes, target.tiers)))
    channels = steering.channels(session)
    return [
        (device, retailer, channels.get(device, "stable"))
        for device, retailer in devices.identities(session, versions=target.versions, models=target.models)
        if (not wanted or device in wanted)
        and (not target.groups or device in grouped)
        and (shops is None or retailer in shops)
        and (not target.channels or channels.get(device, "stable") in target.channels)
    ]
