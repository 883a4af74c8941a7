"""How the palette finds shops: by a part of code or name."""

from sqlalchemy import Select, or_, select

from server.retailers.models import RetailerRow


def look(asked: str) -> Select[str, str, str]:
    """Return shops whose code or name holds ``asked``: those whose code begins with it first."""
    columns = (RetailerRow.code, RetailerRow.name)
    return (
        select(RetailerRow.name.label("name"), RetailerRow.code.label("note"), RetailerRow.code.label("key"))
        .where(or_(*(column.icontains(asked, autoescape=True) for column in columns)))
        .order_by(RetailerRow.code.istartswith(asked, autoescape=True).desc(), RetailerRow.code.collate("C"))
    )
