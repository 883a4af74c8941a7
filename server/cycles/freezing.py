"""The freeze: the order book becomes fixed rows, a hash and a root, in one transaction. Nothing here commits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import product
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sqlalchemy import ARRAY, String, any_, literal, select
from sqlalchemy.orm import Session

from allocation.tables.columns import IntArray
from allocation.tables.texts import Coded
from server.catalogue import queries as catalogue
from server.cycles import attempts, copying, crediting, frozen_book, moves, rules, secrets, supply_queries
from server.cycles.models import BookLine, BookRetailer, BookSku, Carry, CycleRow
from server.forecasts import queries as forecasts
from server.kit import audit
from server.kit.identity import SYSTEM
from server.licences import queries as licences
from server.orders import queries as orders
from server.orders import windows as order_windows
from server.retailers import queries as retailers
from server.scores import queries as scores
from server.scores.rules import Standing as ScoreStanding

BoolArray = npt.NDArray[np.bool_]
CodeArray = npt.NDArray[np.integer[Any]]
_ASKED = {"retailer": copying.NAME, "sku": copying.NAME, "units": copying.WHOLE}
_CARRIED = {"retailer": copying.NAME, "sku": copying.NAME, "carry_thousandths": copying.WHOLE}


@dataclass(frozen=True)
class Asked:
    """The order book as columns, in byte order of retailer and SKU; texts as positions among the different ones."""

    retailer: Coded[str]
    sku: Coded[str]
    units: IntArray

    def per_sku(self) -> dict[str, int]:
        """Return the units asked for by SKU."""
        found: dict[str, int] = dict.fromkeys(self.sku.texts, 0)
        for sku, units in zip(self.sku, self.units.tolist(), strict=True):
            found[sku] += units
        return found

    def places(self, retailers: Coded[str], skus: Coded[str]) -> tuple[IntArray, IntArray]:
        """Return which of the named lines (no line twice) stand in the book, and where."""
        sought = self._keys(_codes(retailers, self.retailer.texts), _codes(skus, self.sku.texts))
        own = self._keys(self.retailer.codes, self.sku.codes)
        _, which, where = np.intersect1d(sought, own, assume_unique=True, return_indices=True)
        return which, where

    def _keys(self, retailers: CodeArray, skus: CodeArray) -> IntArray:
        """Return one number a line; different negative ones for lines with a name that the book does not hold."""
        keys = retailers.astype(np.int64) * len(self.sku.texts) + skus
        return np.where((retailers < 0) | (skus < 0), -1 - np.arange(len(keys)), keys)


def freeze(session: Session, cycle: UUID, *, at: datetime) -> bool:
    """Freeze the book of a cycle whose windows are all closed; return whether it did, False where it is frozen.

    Each line gets its retailer's weight and tier, from the scores in force where it is scored, what is carried over,
    its cap, and the licence gate once more. Every retailer with an order is sent the root and its place under it.

    Raises
    ------
    StepStopped
        ``supply_missing`` or ``input_refused``; nothing is stored then.
    """
    row = moves.locked(session, cycle)
    if row.state != "closed":
        return False
    rules.check_windows_closed(window.state for window in orders.windows(session, cycle=cycle))
    book = _asked(session, cycle)
    attempts.refuse_missing(book.per_sku(), supply_queries.supply(session, cycle, row.supply_version))
    _write_book(session, row, book, at)
    found = frozen_book.tree(session, row)
    row.book_root = found.root
    run = attempts.start(session, row, attempt=1)
    order_windows.move_windows(session, cycle, "frozen", at=at)
    frozen_book.tell(session, row, found, at=at)
    detail: dict[str, Any] = {
        "root": found.root,
        "input_sha256": run.input_sha256,
        "weights_sha256": row.weights_sha256,
        "retailers": len(found.retailers),
        "lines": len(book.units),
        "score_version": row.score_version,
        "forecast_version": row.forecast_version,
    }
    moves.move(session, row, "freeze", at=at, actor=SYSTEM, detail=detail)
    audit.record(session, actor=SYSTEM, action="cycle.frozen", subject=f"cycle:{cycle}", at=at, detail=detail)
    moves.resume(session, row)
    return True


def secret_of(session: Session, cycle: UUID) -> bytes:
    """Return the draw's secret. Called by the solving and publishing steps alone."""
    secret = secrets.opened(session, cycle)
    if secret is None:
        raise LookupError(f"cycle {cycle} was never announced: it has no secret")
    return bytes.fromhex(secret)


def _asked(session: Session, cycle: UUID) -> Asked:
    found = copying.read_columns(session, orders.book_query(cycle), _ASKED)
    return Asked(copying.coded(found["retailer"]), copying.coded(found["sku"]), found["units"].to_numpy())


def _write_book(session: Session, row: CycleRow, book: Asked, at: datetime) -> None:
    codes, names = list(book.retailer.texts), list(book.sku.texts)
    day = at.astimezone(ZoneInfo(row.zone)).date()
    standing = {code: shop.on(day) for code, shop in retailers.retailers(session, codes).items()}
    shops = _scored(session, row, standing, day)
    skus = catalogue.skus(session, names, withdrawn=True)
    copying.insert_rows(
        session,
        BookRetailer,
        [
            (row.id, shop.code, shop.region, shop.route, shop.tier, shop.market_type, shop.weight, shop.credit_minor)
            for shop in shops.values()
        ],
    )
    copying.insert_rows(session, BookSku, [(row.id, sku.sku, sku.price_minor) for sku in skus.values()])
    why = _whys(session, book, shops, skus, day)
    weights = np.array([shops[code].weight for code in codes], np.int64)
    caps, capped = _caps(session, book, skus)
    caps[why.codes != 0] = 0
    carries, credited = _carries(session, row, book, why)
    columns = {
        "retailer": copying.texts(book.retailer),
        "sku": copying.texts(book.sku),
        "requested_units": book.units,
        "cap_units": pa.array(caps, mask=~capped & (why.codes == 0)),
        "weight": weights[book.retailer.codes],
        "carry_thousandths": carries,
        "ineligible_why": copying.texts(why),
    }
    copying.insert_columns(session, BookLine, pa.table(columns), cycle=row.id, floor_units=0)
    crediting.take_in(session, row.id, credited, at=at)


def _scored(
    session: Session, row: CycleRow, shops: Mapping[str, retailers.Retailer], day: date
) -> dict[str, retailers.Retailer]:
    """Return the shops with tier, weight and suspension as the scores in force have them, and note on the cycle which.

    In force are those that were when the last window closed: whoever publishes others afterwards may know the book,
    however late that is noticed. A shop that is not scored keeps its own, but for what decisions of that day say.
    """
    closed_at = max(window.closes_at for window in orders.windows(session, cycle=row.id))
    found = scores.in_force(session, on=closed_at)
    if found is not None:
        row.score_version = found.score_version
        forecast = None if found.forecast_number is None else forecasts.version(session, found.forecast_number)
        if forecast is not None:
            row.forecast_version = f"{forecast.number}:{forecast.input_sha256}"
    own = {code: (shop.tier, shop.weight) for code, shop in shops.items()}
    standings = scores.standings(session, found, list(shops), day, own)
    return {code: _placed(shop, standings[code]) for code, shop in shops.items()}


def _placed(shop: retailers.Retailer, standing: ScoreStanding) -> retailers.Retailer:
    placed = replace(shop, tier=standing.tier, weight=standing.weight)
    if standing.suspended is None or shop.standing == "suspended":
        return placed
    return replace(placed, standing="suspended", standing_reason=standing.suspended)


def _whys(
    session: Session,
    book: Asked,
    shops: Mapping[str, retailers.Retailer],
    skus: Mapping[str, catalogue.Sku],
    day: date,
) -> Coded[str | None]:
    """Return why a line gets nothing, none being the first of the different reasons.

    It follows from the shop's standing and classes and from the SKU: the rule is asked once for each of those that
    differ.
    """
    held = licences.classes_held_by(session, book.retailer.texts, day)
    shop_kinds = Coded.of(
        (shops[code].standing, shops[code].standing_reason, held.get(code, frozenset[str]()))
        for code in book.retailer.texts
    )
    sku_kinds = Coded.of((skus[sku].state == "withdrawn", skus[sku].licence_class) for sku in book.sku.texts)
    reasons: list[str | None] = [None]
    table = np.zeros((len(shop_kinds.texts), len(sku_kinds.texts)), np.int32)
    for (i, (standing, reason, classes)), (j, (withdrawn, needed)) in product(
        enumerate(shop_kinds.texts), enumerate(sku_kinds.texts)
    ):
        why = rules.ineligible_why(
            standing=standing,
            standing_reason=reason,
            withdrawn=withdrawn,
            licence_class=needed,
            classes_held=classes,
        )
        if why not in reasons:
            reasons.append(why)
        table[i, j] = reasons.index(why)
    return Coded(table[shop_kinds.codes[book.retailer.codes], sku_kinds.codes[book.sku.codes]], reasons)


def _caps(session: Session, book: Asked, skus: Mapping[str, catalogue.Sku]) -> tuple[IntArray, BoolArray]:
    """Return each line's limit in units, the shop's own before the SKU's, and which lines have one."""
    limits = [skus[sku].limit_units for sku in book.sku.texts]
    caps = np.array([limit or 0 for limit in limits], np.int64)[book.sku.codes]
    capped = np.array([limit is not None for limit in limits], np.bool_)[book.sku.codes]
    own = retailers.limits_of(session, book.retailer.texts)
    which, where = book.places(Coded.of(shop for shop, _ in own), Coded.of(sku for _, sku in own))
    caps[where] = np.array(list(own.values()), np.int64)[which]
    capped[where] = True
    return caps, capped


def _carries(
    session: Session, row: CycleRow, book: Asked, why: Coded[str | None]
) -> tuple[IntArray, list[crediting.Part]]:
    """Return what each line brings along, in thousandths of a pack, and what of it are credits.

    It is what rounding owes, and credits. A line that can be granted nothing takes in none.
    """
    query = select(Carry.retailer, Carry.sku, Carry.carry_thousandths).where(
        Carry.retailer == any_(literal(list(book.retailer.texts), ARRAY(String)))
    )
    found = copying.read_columns(session, query, _CARRIED)
    brought = np.zeros(len(book.units), np.int64)
    which, where = book.places(copying.coded(found["retailer"]), copying.coded(found["sku"]))
    brought[where] = found["carry_thousandths"].to_numpy()[which]
    taken: list[crediting.Part] = []
    left = crediting.left(session, book.retailer.texts)
    if left:
        packs = {one.sku: one.pack_units for one in supply_queries.supply(session, row.id, row.supply_version).values()}
        lines = list(left)
        which, where = book.places(Coded.of(shop for shop, _ in lines), Coded.of(sku for _, sku in lines))
        for one, line in zip(which.tolist(), where.tolist(), strict=True):
            if why.codes[line] == 0:
                found = crediting.parts(lines[one], left[lines[one]], packs[lines[one][1]], int(brought[line]))
                brought[line] += sum(part.carry_thousandths for part in found)
                taken += found
    return brought, taken


def _codes(named: Coded[str], known: Sequence[str]) -> IntArray:
    """Return the positions of names among the ``known`` ones, −1 where one is not."""
    position = {name: place for place, name in enumerate(known)}
    at: IntArray = np.array([position.get(name, -1) for name in named.texts], np.int64)[named.codes]
    return at
