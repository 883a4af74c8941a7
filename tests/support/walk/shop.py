"""A shop that sells groceries: its goods in the trade's words, its licences, its window."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from till import Till

from contract.device_api import Licence
from contract.feed import (
    Text,
)

NAMES = {
    "TEA-250": ("Jasmine tea 250 g", "茉莉花茶 250 克"),
    "RICE-5K": ("Northeast rice 5 kg", "东北大米 5 公斤"),
    "SOY-500": ("Soy sauce 500 ml", "酱油 500 毫升"),
    "SALT-400": ("Salt 400 g", "食盐 400 克"),
    "OIL-5L": ("First-pressed peanut oil 5 l, double pack", "压榨一级花生油 5 升礼盒装"),
    "MILK-1L": ("Milk 1 l", "纯牛奶 1 升"),
    "WINE-75": ("Yellow wine 750 ml", "绍兴黄酒 750 毫升"),
    "NOODLE": ("Noodles 900 g", "挂面 900 克"),
}
FACTS: dict[str, tuple[int, int, str]] = {
    "TEA-250": (12, 1_850, "tea"),
    "RICE-5K": (4, 3_290, "grain"),
    "SOY-500": (12, 890, "sauces"),
    "SALT-400": (20, 250, "sauces"),
    "OIL-5L": (2, 13_900, "oil"),
    "MILK-1L": (12, 1_150, "milk"),
    "WINE-75": (6, 4_200, "wine"),
    "NOODLE": (10, 720, "grain"),
}
LIMITS = {"OIL-5L": 6, "TEA-250": 240}
BARCODES = {"TEA-250": "6901234567892", "SOY-500": "042100005264"}


def both(en: str, zh: str) -> Text:
    """Return one text in both languages."""
    return Text(en=en, zh=zh)


def goods(till: Till) -> tuple[Any, ...]:
    """Return the catalogue."""
    return tuple(
        till.make.item(
            sku,
            name=both(*NAMES[sku]),
            pack_units=pack,
            price_minor=price,
            product_class=product_class,
            limit_units=LIMITS.get(sku),
            barcodes=tuple(filter(None, [BARCODES.get(sku)])),
            licence_class="C" if sku == "WINE-75" else "A" if sku == "TEA-250" else None,
            licensed=sku != "WINE-75",
        )
        for sku, (pack, price, product_class) in FACTS.items()
    )


def licences(till: Till, ends_in_days: int = 400) -> tuple[Licence, ...]:
    """Return one licence that is valid and one that has ended."""
    today = till.server.now().date()
    first = Licence(
        licence_class="A",
        number="3101-0077",
        valid_from=date(2024, 1, 1),
        valid_until=today + timedelta(days=ends_in_days),
    )
    ended = first.model_copy(
        update={"licence_class": "C", "number": "3101-0091", "valid_until": today - timedelta(days=20)}
    )
    return (first, ended)


def know(till: Till, **more: Any) -> None:
    """Let the terminal fetch the goods, the licences and whatever else is given."""
    till.server.reference = till.make.reference(*goods(till), credit_minor=680_000).model_copy(
        update={"version": f"v{till.server.head + 2}", "licences": licences(till), **more}
    )
    till.server.tell("reference", "reference", {"version": till.server.reference.version})
    till.hear()


def new(till: Till) -> UUID:
    """Return a new id."""
    made: UUID = till.make.id(till.clock.at_ms, till.chance)
    till.clock.forward(1)
    return made


def enrolled(till: Till) -> None:
    """Enrol the terminal, without a window."""
    till.store.keep_identity(till.make.enrolled(till.server.now()))
    till.server.reference = till.make.reference(*goods(till), credit_minor=680_000).model_copy(
        update={"licences": licences(till)}
    )
    till.engine.start()
    till.wires.connect()
    till.hear()


def opened(till: Till) -> None:
    """Enrol the terminal, and let a window be open in which oil is scarce."""
    enrolled(till)
    window(till)


def window(till: Till, **more: Any) -> None:
    """Announce the window of this week."""
    name = both("Week 12", "第 12 周")
    till.window = till.make.window(till, name=name, zone="Asia/Shanghai", **({"scarce": ("OIL-5L",)} | more))
    till.hear()
