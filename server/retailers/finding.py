"""How the palette finds shops: by a part of code or name, whatever marks stand inside (``yongan``: Yong'an)."""

from sqlalchemy import Select, func, or_, select

from server.retailers.models import RetailerRow

MARKS = "'’‘` -·"
"""What a person leaves out who types a name from memory."""
_WITHOUT_MARKS = str.maketrans(dict.fromkeys(MARKS))


def look(asked: str) -> Select[str, str, str]:
    """Return shops whose code or name holds ``asked``: those whose code begins with it first."""
    found = [column.icontains(asked, autoescape=True) for column in (RetailerRow.code, RetailerRow.name)]
    if bare := asked.translate(_WITHOUT_MARKS):
        found.append(func.translate(RetailerRow.name, MARKS, "").icontains(bare, autoescape=True))
    return (
        select(RetailerRow.name.label("name"), RetailerRow.code.label("note"), RetailerRow.code.label("key"))
        .where(or_(*found))
        .order_by(RetailerRow.code.istartswith(asked, autoescape=True).desc(), RetailerRow.code.collate("C"))
    )
