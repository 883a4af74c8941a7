"""How much is made, and how choices that look like chance are written in SQL."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """Shops, SKUs and cycles; a cycle is four weeks, an order one to five lines of 86 shops in a hundred.

    Of the last year of cycles the goods are told as well: deliveries, claims, stock. ``months`` of demand are known.
    """

    retailers: int = 10_000
    skus: int = 200
    cycles: int = 39
    months: int = 24
    complaints: int = 3_000
    announcements: int = 30


LARGE = Size()


def pick(number: str, salt: int, most: int | str) -> str:
    """Return SQL for a whole number from 0 to below ``most`` that depends on ``number`` and ``salt`` alone."""
    return f"(hashint8extended(CAST({number} AS bigint), {salt}) & 2147483647) % {most}"


def one_of(words: tuple[str, ...], number: str, salt: int) -> str:
    """Return SQL for one of ``words``, by ``number``."""
    listed = ", ".join(f"'{word}'" for word in words)
    return f"(ARRAY[{listed}])[1 + CAST({pick(number, salt, len(words))} AS int)]"


def uuid_of(words: str) -> str:
    """Return SQL for an id that depends on the text ``words`` alone."""
    return f"CAST(md5({words}) AS uuid)"
