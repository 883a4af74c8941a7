"""Goods arrive: line by line or all as listed, with a deliberate second tap; every difference has a reason."""

from functools import partial
from typing import get_args
from uuid import UUID

from werkzeug.exceptions import NotFound
from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from contract.errors import Refusal, Rejected
from contract.messages import Difference
from contract.photos import MOST_PHOTOS
from terminal_client.core import photos, use_cases
from terminal_client.core.delivery_rules import AS_LISTED, REPLACED, Count
from terminal_client.core.scans import Scan
from terminal_client.core.views import catalogue, deliveries
from terminal_client.core.views.deliveries import DeliveryView, LineView
from terminal_client.ui import scanning
from terminal_client.ui.scanning import Scanned
from terminal_client.ui.show import N_
from terminal_client.ui.web import Desk, go

DIFFERENCES: tuple[Difference, ...] = get_args(Difference)
WORDS: dict[str, str] = {
    "short": N_("Short"),
    "over": N_("Too many"),
    "damaged": N_("Damaged"),
    "wrong_item": N_("Wrong item"),
    "wrong_pack": N_("Wrong pack"),
    "refused": N_("Sent back"),
}
HINTS: dict[str, str] = {
    "short": N_("Less than listed came."),
    "over": N_("More than listed came."),
    "damaged": N_("It came, but broken or spoilt."),
    "wrong_item": N_("Something else came instead."),
    "wrong_pack": N_("The right item in another pack."),
    "refused": N_("You did not take it in."),
}
HOW_MANY: dict[str, str] = {
    "short": N_("How many are missing?"),
    "over": N_("How many too many?"),
    "damaged": N_("How many are damaged?"),
    "wrong_item": N_("How many of the listed item are missing?"),
    "wrong_pack": N_("How many came in the wrong pack?"),
    "refused": N_("How many did you send back?"),
}
HELD: dict[str, str] = {
    "over": N_("Of these, set aside for return"),
    "damaged": N_("Of these, set aside for return"),
}
REASONS: dict[str, tuple[str, ...]] = {
    "short": (N_("Missing in a closed box"), N_("The box was opened"), N_("A box is missing")),
    "over": (N_("More than on the list"), N_("Meant for another shop")),
    "damaged": (N_("Crushed"), N_("Wet"), N_("Broken"), N_("Seal torn")),
    "wrong_item": (N_("Another item in the box"), N_("Mixed up when loading")),
    "wrong_pack": (N_("Another pack size came"),),
    "refused": (N_("Bad condition"), N_("Expires too soon"), N_("Came too late"), N_("Not ordered")),
}


def show(desk: Desk, _request: Request, delivery: UUID | None = None) -> Response:
    """Show the deliveries, one of them line by line."""
    views = deliveries.read_all(desk.terminal.store)
    chosen = views[0] if views else None
    if delivery is not None:
        chosen = _find(desk, delivery)
    return desk.pages.page(
        "deliveries.html",
        here="deliveries",
        undo=desk.undo_offered(),
        views=views,
        view=chosen,
        opened=delivery is not None,
        words=WORDS,
    )


def as_listed(desk: Desk, request: Request, delivery: UUID) -> Response:
    """Note that a line came as listed."""
    use_cases.count_line(desk.terminal.shop, delivery, request.form.get("sku", ""), AS_LISTED)
    return go(f"/deliveries/{delivery}")


def again(desk: Desk, request: Request, delivery: UUID) -> Response:
    """Forget what was counted of a line, for the taking back."""
    shop, sku = desk.terminal.shop, request.form.get("sku", "")
    before = use_cases.uncount_line(shop, delivery, sku)
    if before is not None:
        desk.offer_undo(
            partial(desk.pages.text, N_("The count was taken away.")),
            lambda: use_cases.count_line(shop, delivery, sku, before),
            holds=lambda: _uncounted(desk, delivery, sku),
        )
    return go(f"/deliveries/{delivery}")


def _uncounted(desk: Desk, delivery: UUID, sku: str) -> bool:
    view = deliveries.read(desk.terminal.store, delivery)
    return view is not None and view.to_confirm and _line(view, sku).count is None


def differs(desk: Desk, request: Request, delivery: UUID) -> Response:
    """Ask what is wrong with a line."""
    view = _find(desk, delivery)
    line = _line(view, request.args.get("sku", ""))
    kept = line.count
    kind = request.args.get("kind") or (kept.difference if kept else None) or ""
    return _form(desk, view, line, kind, kept if kept and kept.difference == kind else None)


def count(desk: Desk, request: Request, delivery: UUID) -> Response:
    """Keep what is wrong with a line, or say what does not add up."""
    view = _find(desk, delivery)
    line = _line(view, request.form.get("sku", ""))
    kind = request.form.get("kind", "")
    if kind not in DIFFERENCES:
        raise Rejected("invalid", where="kind", what=kind[:20])
    reason = request.form.get("own", "").strip() or request.form.get("reason", "")
    given = Count(
        difference=kind,
        difference_units=_number(request.form.get("units", "")),
        held_units=_number(request.form.get("held", "")),
        other_sku=request.form.get("other_sku") or None,
        other_units=_number(request.form.get("other_units", "")),
        reason=reason,
    )
    try:
        use_cases.count_line(desk.terminal.shop, delivery, line.line.sku, given)
    except Refusal as refused:
        said = desk.pages.refusal(refused.code, refused.params)
        return _form(desk, view, line, kind, given, said)
    return go(f"/deliveries/{delivery}")


def check(desk: Desk, _request: Request, delivery: UUID) -> Response:
    """Show once more what will be confirmed: the deliberate second tap, in another place."""
    view = _find(desk, delivery)
    if not view.to_confirm:
        return go(f"/deliveries/{delivery}")
    return desk.pages.page("delivery_check.html", here="deliveries", undo=None, view=view, words=WORDS)


def confirm(desk: Desk, _request: Request, delivery: UUID) -> Response:
    """Queue the confirmation; lines that were not counted came as listed, as the page said."""
    use_cases.confirm_delivery(desk.terminal.shop, delivery, rest_as_listed=True)
    return go(f"/deliveries/{delivery}")


def scanned(desk: Desk, path: str, scan: Scan) -> Scanned:
    """Show the line of the goods: in the delivery that is open, or else in another one that waits."""
    if scan.item is None:
        return scanning.unread(desk, scan)
    views = deliveries.read_all(desk.terminal.store)
    shown = next((view for view in views if str(view.delivery) in path), views[0] if views else None)
    waiting = [view for view in views if view.to_confirm and view != shown]
    name, row = desk.pages.name(scan.item), scan.item.sku.encode().hex()
    for view in [shown, *waiting] if shown is not None else []:
        line = next((line for line in view.lines if line.line.sku == scan.item.sku), None)
        if line is not None:
            more, tone = scanning.aside(desk, scan)
            scanning.keep_batch(desk, scan)
            said = N_("{name}: {count} on the list of delivery #{number}.")
            if line.count is not None:
                said = N_("{name}: {count} on the list of delivery #{number}, looked at already.")
            text = desk.pages.text(said, name=name, count=f"{line.line.shipped_units:,}", number=view.number)
            at = f"/deliveries/{view.delivery}"
            here = path.partition("?")[0] == at or (path.partition("?")[0] == "/deliveries" and view == shown)
            return Scanned(text + more, tone, show=row, go="" if here else at)
    said = N_("{name} is on no list. Choose “Differs” at the line that it came instead of.")
    return Scanned(desk.pages.text(said, name=name), "wait")


def _form(desk: Desk, view: DeliveryView, line: LineView, kind: str, count_: Count | None, said: str = "") -> Response:
    known = catalogue.read(desk.terminal.store)
    if kind == "wrong_pack":
        others = [line.item]
    else:
        others = [item for item in known.items.values() if item.sku != line.line.sku]
    shipped = line.line.shipped_units
    whole = kind in REPLACED or kind == "refused"
    default = Count(
        difference_units=shipped if whole else 1,
        other_sku=line.line.sku if kind == "wrong_pack" else None,
        other_units=shipped if kind in REPLACED else 0,
    )
    return desk.pages.page(
        "differs.html",
        here="deliveries",
        undo=None,
        view=view,
        line=line,
        kind=kind if kind in DIFFERENCES else "",
        count=count_ or default,
        said=said,
        others=others,
        differences=DIFFERENCES,
        words=WORDS,
        hints=HINTS,
        how_many=HOW_MANY,
        held=HELD,
        reasons=REASONS,
        place=photos.at_line(view.delivery, line.line.sku),
        photos=photos.of_draft(desk.terminal.store, photos.at_line(view.delivery, line.line.sku)),
        most=MOST_PHOTOS,
    )


def _find(desk: Desk, delivery: UUID) -> DeliveryView:
    view = deliveries.read(desk.terminal.store, delivery)
    if view is None:
        raise NotFound
    return view


def _line(view: DeliveryView, sku: str) -> LineView:
    found = next((line for line in view.lines if line.line.sku == sku), None)
    if found is None:
        raise NotFound
    return found


def _number(typed: str) -> int:
    return int(typed[:9]) if typed.isascii() and typed.isdecimal() else 0


_AT = "/deliveries/<uuid:delivery>"
RULES = (
    Rule("/deliveries", endpoint=show, methods=["GET"]),
    Rule(_AT, endpoint=show, methods=["GET"]),
    Rule(f"{_AT}/as-listed", endpoint=as_listed, methods=["POST"]),
    Rule(f"{_AT}/again", endpoint=again, methods=["POST"]),
    Rule(f"{_AT}/differs", endpoint=differs, methods=["GET"]),
    Rule(f"{_AT}/differs", endpoint=count, methods=["POST"]),
    Rule(f"{_AT}/check", endpoint=check, methods=["GET"]),
    Rule(f"{_AT}/confirm", endpoint=confirm, methods=["POST"]),
)
