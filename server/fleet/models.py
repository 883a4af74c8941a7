"""Tables of the fleet. Each row of a terminal names its shop, by which people are bounded."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import REAL, BigInteger, CheckConstraint, ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from server.kit.db import Base


class DeviceTag(Base):
    """A word that people put on a terminal."""

    __tablename__ = "device_tags"
    __table_args__ = (CheckConstraint("tag != ''", name="tag"), Index("ix_device_tags_tag", "tag"))
    __party_for_people__ = "retailer"

    device: Mapped[str] = mapped_column(ForeignKey("devices.id"), primary_key=True)
    tag: Mapped[str] = mapped_column(primary_key=True)
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"))


class DeviceRing(Base):
    """A terminal that gets what is new before the others do; one without a row is in the last ring."""

    __tablename__ = "device_rings"
    __table_args__ = (CheckConstraint("ring IN ('canary', 'early')", name="ring"),)
    __party_for_people__ = "retailer"

    device: Mapped[str] = mapped_column(ForeignKey("devices.id"), primary_key=True)
    ring: Mapped[str]
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"))


class DeviceGroup(Base):
    """A group under its name: a list of terminals, or a query in words (``rule``) that finds them anew each time."""

    __tablename__ = "device_groups"
    __table_args__ = (
        CheckConstraint("kind IN ('list', 'query')", name="kind"),
        CheckConstraint("(kind = 'query') = (rule IS NOT NULL)", name="rule"),
    )

    name: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    rule: Mapped[str | None]
    about: Mapped[str]
    revision: Mapped[int]
    changed_by: Mapped[str]
    changed_at: Mapped[datetime]


class DeviceGroupMember(Base):
    """A terminal on the list of a group."""

    __tablename__ = "device_group_members"
    __table_args__ = (Index("ix_device_group_members_device", "device"),)
    __party_for_people__ = "retailer"

    name: Mapped[str] = mapped_column(ForeignKey("device_groups.name", ondelete="CASCADE"), primary_key=True)
    device: Mapped[str] = mapped_column(ForeignKey("devices.id"), primary_key=True)
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"))


_KEEP_PARTITIONS = """
    CREATE FUNCTION fleet_keep_partitions(of_table text, wanted date[], oldest date) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE
        day date;
        part text;
        dropped integer := 0;
    BEGIN
        IF of_table NOT IN ('device_points', 'device_connections') THEN
            RAISE EXCEPTION 'no table of the fleet is parted by days under the name %', of_table;
        END IF;
        PERFORM pg_advisory_xact_lock(hashtext('fleet_keep_partitions'));
        FOREACH day IN ARRAY wanted LOOP
            part := of_table || '_' || to_char(day, 'YYYYMMDD');
            IF to_regclass(part) IS NULL THEN
                EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', part, of_table,
                    day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
                EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', part);
            END IF;
        END LOOP;
        FOR part IN SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = of_table::regclass LOOP
            IF to_date(right(part, 8), 'YYYYMMDD') < oldest THEN
                EXECUTE format('DROP TABLE %s', part);
                dropped := dropped + 1;
            END IF;
        END LOOP;
        RETURN dropped;
    END $$
"""


class DevicePoint(Base):
    """How a terminal was at an instant; narrow, parted by days (UTC), without keys to other tables.

    The application's role owns no table: a function of the owner's makes its parts ahead and drops the old ones. A part
    read by itself shows no row to anybody but the owner; through the whole the policies hold.
    """

    __tablename__ = "device_points"
    __table_args__ = {  # noqa: RUF012 - as SQLAlchemy reads it
        "postgresql_partition_by": "RANGE (at)"
    }
    __party_for_people__ = "retailer"
    __ddl__ = (_KEEP_PARTITIONS,)
    __ddl_down__ = ("DROP FUNCTION fleet_keep_partitions",)

    device: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    retailer: Mapped[str]
    online: Mapped[bool]
    queue_length: Mapped[int | None]
    clock_offset_ms: Mapped[int | None] = mapped_column(BigInteger)
    temperature_c: Mapped[float | None] = mapped_column(REAL)
    disk_free_percent: Mapped[float | None] = mapped_column(REAL)


class FleetSpread(Base):
    """How a figure of the terminals that were heard was spread over the fleet at an instant: nine in ten lie between.

    Taken once, with the points: whoever looks at a day reads a hundred rows of it, not all points of ten thousand.
    """

    __tablename__ = "fleet_spreads"

    figure: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    heard: Mapped[int]
    low: Mapped[float]
    median: Mapped[float]
    high: Mapped[float]


class DeviceConnection(Base):
    """That a terminal's connection to the broker began or ended; parted by days as :class:`DevicePoint` is."""

    __tablename__ = "device_connections"
    __table_args__ = {  # noqa: RUF012 - as SQLAlchemy reads it
        "postgresql_partition_by": "RANGE (at)"
    }
    __party_for_people__ = "retailer"

    device: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(primary_key=True)
    session: Mapped[UUID] = mapped_column(primary_key=True)
    retailer: Mapped[str]


class FleetClock(Base):
    """When each of the fleet's own tasks was last done."""

    __tablename__ = "fleet_clock"

    task: Mapped[str] = mapped_column(primary_key=True)
    done_at: Mapped[datetime]


class AlertRules(Base):
    """A version of all rules of alerts; the newest one counts."""

    __tablename__ = "fleet_alert_rules"
    __append_only__ = True

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    rules: Mapped[list[Any]]
    author: Mapped[str]
    reason: Mapped[str]
    at: Mapped[datetime]


class AlertRow(Base):
    """Something that is, or was, wrong with a terminal; without one it is a storm over ``most`` terminals."""

    __tablename__ = "fleet_alerts"
    __table_args__ = (
        CheckConstraint("(device IS NULL) = (retailer IS NULL)", name="device"),
        CheckConstraint("severity IN ('critical', 'warning')", name="severity"),
        CheckConstraint("(acknowledged_at IS NULL) = (acknowledged_by IS NULL)", name="acknowledged"),
        Index("ix_fleet_alerts_open", "number", postgresql_where=text("closed_at IS NULL")),
        Index("ix_fleet_alerts_device", "device", "number"),
    )
    __party_for_people__ = "retailer"

    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    rule: Mapped[str]
    device: Mapped[str | None] = mapped_column(ForeignKey("devices.id"))
    retailer: Mapped[str | None] = mapped_column(ForeignKey("retailers.code"))
    severity: Mapped[str]
    value: Mapped[float | None]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    most: Mapped[int]
    left: Mapped[int]
    detail: Mapped[dict[str, Any]]
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[str | None]
    silenced_until: Mapped[datetime | None]


class AlertStand(Base):
    """How a terminal stands to a rule while it is not quiet; ``alert`` is the one that it belongs to, a storm too."""

    __tablename__ = "fleet_alert_stands"
    __table_args__ = (CheckConstraint("state IN ('pending', 'open', 'clearing')", name="state"),)
    __party_for_people__ = "retailer"

    rule: Mapped[str] = mapped_column(primary_key=True)
    device: Mapped[str] = mapped_column(ForeignKey("devices.id"), primary_key=True)
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"))
    state: Mapped[str]
    since: Mapped[datetime]
    alert: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("fleet_alerts.number"), index=True)


class AlertNote(Base):
    """What a person said of an alert; nobody changes it. A storm's notes have no shop."""

    __tablename__ = "fleet_alert_notes"
    __append_only__ = True
    __table_args__ = (CheckConstraint("words != ''", name="words"), Index("ix_fleet_alert_notes_alert", "alert"))
    __party_for_people__ = "retailer"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    alert: Mapped[int] = mapped_column(BigInteger, ForeignKey("fleet_alerts.number"))
    retailer: Mapped[str | None] = mapped_column(ForeignKey("retailers.code"))
    words: Mapped[str]
    author: Mapped[str]
    at: Mapped[datetime]
