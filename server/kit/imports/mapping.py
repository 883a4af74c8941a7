"""Which column of a foreign file becomes which of our fields, and how: a small TOML file.

.. code-block:: toml

    [file]                       # all of it optional: what the guess shall not decide
    encoding = "gb18030"         # utf-8, gb18030, big5, windows-1252, utf-16
    separator = ";"

    [fields]
    sku = "Item Number"          # our field = their heading
    licence_class = { constant = "spirits" }
    pack_units = { column = "Pack", default = 1 }             # where their cell is empty
    price_minor = { column = "Price", multiply = 100 }        # exact decimals: 12.50 becomes 1250
    standing = { column = "Status", values = { A = "good", I = "suspended" } }
    valid_from = { column = "From", date = "%d.%m.%Y" }
    barcodes = { column = "UPC", split = ";" }
    name_en = { column = "Description", strip = true, lost = "?" }   # "?" for characters lost before (U+FFFD)

Fields that a mapping does not name are left as they are in records that exist, and take their default in new
ones. Without a mapping the headings are the names of our fields.
"""

import json
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any, cast, get_args

from server.kit.fields import LOST, NOT_A_DAY, Field, Reason, Unfit, scaled
from server.kit.imports.reading import SEPARATORS, Choices, Encoding, Separator
from server.kit.marking import N_

NOT_TOML = Reason("not_toml", N_("The mapping is not TOML: {what}."))
NOT_UTF_8 = Reason("not_utf_8", N_("The mapping is not UTF-8. Save it as UTF-8."))
UNKNOWN_PART = Reason("unknown_part", N_("The mapping says “{name}” under {where}; known there: {known}."))
WRONG_OPTION = Reason("wrong_option", N_("The mapping’s {where} is “{value}”; it must be {needed}."))
NO_SOURCE = Reason("no_source", N_("The mapping’s field {field} names neither a column nor a constant. Give it one."))
COLUMN_MISSING = Reason(
    "column_missing",
    N_("There is no column “{column}” for the field {field}. The file’s columns: {columns}. Correct the mapping."),
)
KEY_MISSING = Reason(
    "key_missing",
    N_("No column is mapped to the field {field}, which names the record. The file’s columns: {columns}."),
)
NOT_LISTED = Reason("not_listed", N_("“{value}” is not among the values that the mapping lists: {known}."))


@dataclass(frozen=True)
class Source:
    """Where one field's values come from. ``column`` or ``constant`` is given."""

    column: str | None = None
    constant: str | None = None
    default: str | None = None
    values: Mapping[str, str] | None = None
    multiply: Decimal | None = None
    point: str = "."
    groups: str = ""
    date: str | None = None
    split: str | None = None
    strip: bool = False
    lost: str | None = None


OPTIONS = tuple(field.name for field in fields(Source))


@dataclass(frozen=True)
class FieldMap:
    """A mapping: how the file is read, and each field's source, by the field's name."""

    choices: Choices
    sources: Mapping[str, Source]

    @property
    def columns(self) -> tuple[str, ...]:
        """The headings that the mapping asks for."""
        return tuple(source.column for source in self.sources.values() if source.column is not None)


BY_HEADINGS = FieldMap(Choices(), MappingProxyType({}))


def parse(text: str) -> FieldMap:
    """Return the mapping in a TOML text; an empty one names no field and leaves it to the headings.

    Raises
    ------
    Unfit
        Naming what is unknown or wrong, and what is known there.
    """
    try:
        parts = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Unfit(NOT_TOML, what=str(error)) from None
    _known(parts, ("file", "fields"), "TOML")
    chosen, named = parts.get("file", {}), parts.get("fields", {})
    for where, part in (("[file]", chosen), ("[fields]", named)):
        if not isinstance(part, dict):
            raise Unfit(WRONG_OPTION, where=where, value=str(part), needed="{ … }")
    return FieldMap(_choices(chosen), MappingProxyType({name: _source(name, part) for name, part in named.items()}))


def by_headings(
    known: Sequence[Field],
    headings: Sequence[str],
    gettexts: Sequence[Callable[[str], str]] = (),
    minor: Decimal = Decimal(100),
) -> FieldMap:
    """Return the mapping of a file whose headings are our fields' names, or their labels in a language.

    Under a label money stands in the major unit, which holds ``minor`` of the minor one.
    """
    sources: dict[str, Source] = {}
    for field in known:
        names = {field.name, *(gettext(field.label) for gettext in gettexts)}
        found = next((heading for heading in headings if heading in names), None)
        if found is not None:
            as_decimal = field.money and found != field.name
            sources[field.name] = Source(column=found, multiply=minor if as_decimal else None)
    return FieldMap(Choices(), MappingProxyType(sources))


def write(field_map: FieldMap) -> str:
    """Return the TOML text of a mapping; :func:`parse` gives it back."""
    lines: list[str] = []
    given = [(name, getattr(field_map.choices, name)) for name in ("encoding", "separator", "guarded")]
    if any(value is not None for _, value in given):
        lines += ["[file]", *(f"{name} = {_literal(value)}" for name, value in given if value is not None), ""]
    lines.append("[fields]")
    for name, source in field_map.sources.items():
        said = {key: getattr(source, key) for key in OPTIONS if getattr(source, key) != getattr(Source(), key)}
        if set(said) == {"column"}:
            lines.append(f"{_key(name)} = {_literal(source.column)}")
        else:
            lines.append(f"{_key(name)} = {_literal(said)}")
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Bound:
    """A mapping laid over a file: how each mapped field's value is taken from a row's cells."""

    fields: tuple[Field, ...]
    positions: tuple[int | None, ...]
    readers: tuple[Callable[[str], Any], ...]
    constants: tuple[str, ...]
    columns: tuple[str, ...]
    unused: tuple[str, ...]

    def cell(self, index: int, cells: Sequence[str]) -> str:
        """Return what stands in the file for the mapped field of ``index``."""
        position = self.positions[index]
        return self.constants[index] if position is None else cells[position]


def bind(field_map: FieldMap, known: Sequence[Field], key: Sequence[str], headings: Sequence[str]) -> Bound:
    """Lay a mapping over a file's headings.

    Raises
    ------
    Unfit
        Where it names a field or a column that does not exist, or none for a field of ``key``.
    """
    by_name = {field.name: field for field in known}
    columns = ", ".join(headings)
    _known(field_map.sources, tuple(by_name), "[fields]")
    for name in key:
        if name not in field_map.sources:
            raise Unfit(KEY_MISSING, field=name, columns=columns)
    positions: list[int | None] = []
    for name, source in field_map.sources.items():
        if source.column is not None and source.column not in headings:
            raise Unfit(COLUMN_MISSING, field=name, column=source.column, columns=columns)
        positions.append(None if source.column is None else headings.index(source.column))
    used = set(field_map.columns)
    return Bound(
        fields=tuple(by_name[name] for name in field_map.sources),
        positions=tuple(positions),
        readers=tuple(_reader(by_name[name], source) for name, source in field_map.sources.items()),
        constants=tuple(source.constant or "" for source in field_map.sources.values()),
        columns=tuple(source.column or "" for source in field_map.sources.values()),
        unused=tuple(heading for heading in headings if heading not in used),
    )


def _reader(field: Field, source: Source) -> Callable[[str], Any]:
    """Return the function from a cell's text to the field's value."""
    if source.column is None:
        return field.read
    steps = tuple(_steps(source))
    default = source.default

    def read(text: str) -> Any:
        if default is not None and not text.strip():
            return field.read(default)
        for step in steps:
            text = step(text)
        return field.read(text)

    return read if steps or default is not None else field.read


def _steps(source: Source) -> Iterator[Callable[[str], str]]:
    """Yield what is done to a cell's text before the field reads it, in this order."""
    if (lost := source.lost) is not None:
        yield lambda text: text.replace(LOST, lost)
    if source.strip:
        yield str.strip
    if source.values is not None:
        yield _listed(source.values)
    if source.multiply is not None or source.groups or source.point != ".":
        factor = source.multiply or Decimal(1)
        yield lambda text: scaled(text, factor, point=source.point, groups=source.groups) if text else text
    if source.date is not None:
        yield _dated(source.date)
    if (split := source.split) is not None:
        yield lambda text: " ".join(part.strip() for part in text.split(split))


def _listed(values: Mapping[str, str]) -> Callable[[str], str]:
    def look_up(text: str) -> str:
        try:
            return values[text]
        except KeyError:
            raise Unfit(NOT_LISTED, value=text[:40], known=", ".join(values)) from None

    return look_up


def _dated(pattern: str) -> Callable[[str], str]:
    def as_iso(text: str) -> str:
        if not text:
            return text
        try:
            return datetime.strptime(text, pattern).date().isoformat()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            raise Unfit(NOT_A_DAY, value=text[:40]) from None

    return as_iso


def _choices(part: Mapping[str, Any]) -> Choices:
    _known(part, ("encoding", "separator", "guarded"), "[file]")
    encoding, separator, guarded = part.get("encoding"), part.get("separator"), part.get("guarded")
    if encoding == "gbk":
        encoding = "gb18030"
    if encoding is not None and encoding not in get_args(Encoding):
        raise Unfit(WRONG_OPTION, where="encoding", value=str(encoding), needed=", ".join(get_args(Encoding)))
    if separator is not None and separator not in SEPARATORS:
        raise Unfit(WRONG_OPTION, where="separator", value=str(separator), needed=", ; | \\t")
    if guarded is not None and not isinstance(guarded, bool):
        raise Unfit(WRONG_OPTION, where="guarded", value=str(guarded), needed="true, false")
    return Choices(cast("Encoding | None", encoding), cast("Separator | None", separator), guarded)


def _source(name: str, part: Any) -> Source:
    where = f"fields.{name}"
    if isinstance(part, str):
        return Source(column=part)
    if not isinstance(part, dict):
        raise Unfit(WRONG_OPTION, where=where, value=str(part), needed='"heading", { … }')
    _known(part, OPTIONS, where)
    if ("column" in part) == ("constant" in part):
        raise Unfit(NO_SOURCE, field=name)
    read: dict[str, Any] = {}
    for option, value in part.items():
        if option == "strip":
            fits = isinstance(value, bool)
        elif option == "values":
            fits = isinstance(value, dict)
        else:
            fits = isinstance(value, str | int | float | date) and not isinstance(value, bool)
        if not fits:
            raise Unfit(WRONG_OPTION, where=f"{where}.{option}", value=str(value), needed=_NEEDED.get(option, '"…"'))
        read[option] = _option(where, option, value)
    return Source(**read)


_NEEDED = {"strip": "true, false", "values": "{ … }", "multiply": "100", "date": "%Y-%m-%d"}


def _option(where: str, option: str, value: Any) -> Any:
    if option == "strip":
        return value
    if option == "values":
        return MappingProxyType({str(theirs): str(ours) for theirs, ours in value.items()})
    if option != "multiply":
        return str(value)
    try:
        factor = Decimal(str(value))
    except InvalidOperation:
        factor = Decimal("nan")
    if not factor.is_finite() or factor <= 0:
        raise Unfit(WRONG_OPTION, where=f"{where}.multiply", value=str(value), needed=_NEEDED["multiply"])
    return factor


def _known(part: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    for name in part:
        if name not in known:
            raise Unfit(UNKNOWN_PART, name=name, where=where, known=", ".join(known))


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return json.dumps(format(value, "f"))
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_key(key)} = {_literal(one)}" for key, one in value.items())
        return "{ " + inside + " }" if inside else "{}"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    plain = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if plain else json.dumps(name, ensure_ascii=False).replace("\x7f", "\\u007f")
