"""The page of a comparison: one language, nothing from outside, made to be read on a screen and to be printed."""

from collections.abc import Iterable, Sequence
from functools import partial
from html import escape
from importlib.resources import files
from typing import Final

from allocation.comparing import charts
from allocation.comparing.comparison import Change, Comparison, GroupRow, Movement
from allocation.comparing.texts import (
    LANGUAGES,
    amount,
    bin_label,
    figures,
    group_name,
    moves,
    percent,
    policy_in_words,
    say,
    signed,
)
from allocation.result import REASON_TEXTS

CHART_ROWS: Final = 30
SKU_ROWS: Final = 60
LORENZ_ROWS: Final = 10


def comparison_page(seen: Comparison, lang: str = "en") -> str:
    """Return the page as HTML.

    Parameters
    ----------
    seen
        What :func:`allocation.comparing.compare` returned.
    lang
        ``en`` or ``zh``.
    """
    page = _Page(seen, lang)
    style = files("allocation.comparing").joinpath("page.css").read_text(encoding="utf-8")
    title = escape(f"{say('title', lang)}: {seen.a.name}, {seen.b.name}")
    return (
        f'<!doctype html>\n<html lang="{"zh-Hans" if lang == "zh" else "en"}"><head><meta charset="utf-8">'
        f'<title>{title}</title><meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>\n{style}</style></head><body>\n<main>\n" + "\n".join(page.parts()) + "\n</main></body></html>\n"
    )


class _Page:
    """The parts of a page in one language."""

    def __init__(self, seen: Comparison, lang: str) -> None:
        self.seen, self.lang = seen, lang
        self.say = partial(say, lang=lang)
        self.names = {"a": seen.a.name, "b": seen.b.name}

    def parts(self) -> Iterable[str]:
        """Yield the parts in their order."""
        seen = self.seen
        yield self._head()
        yield self._measures()
        yield self._lorenz()
        for group in sorted(seen.groups, key=lambda group: group != "tier"):
            yield self._fills(group, seen.groups[group])
        yield self._changes()
        for kind, moved in (("retailers", seen.retailers), ("lines", seen.lines)):
            yield self._movers(kind, moved)
        yield self._skus()
        yield self._reasons()
        yield self._origin()

    def _head(self) -> str:
        seen, totals = self.seen, self.seen.a.totals
        facts = {name: amount(totals[name]) for name in ("retailers", "lines", "skus", "supply", "requested")}
        keys = "".join(
            f'<div class="side"><dt><svg class="key" viewBox="0 0 36 12" aria-hidden="true">'
            f'<path class="line-{letter}" d="M1 6H35"/></svg>{escape(side.name)}</dt>'
            f"<dd>{escape(policy_in_words(side, self.lang))}</dd></div>"
            for letter, side in (("a", seen.a), ("b", seen.b))
        )
        return (
            f'<header><h1>{self.say("title")}</h1><p class="sub">{self.say("size", **facts)}</p>'
            f'<dl class="sides">{keys}</dl><p class="truth">{escape(moves(seen, self.lang))}</p></header>'
        )

    def _measures(self) -> str:
        cells = "".join(
            f"<div><dt>{self.say(figure.key)}</dt><dd><b>{figure.b}</b> "
            f'<span class="was">{escape(self.seen.a.name)} {figure.a} <i>{figure.change}</i></span></dd></div>'
            for figure in figures(self.seen)
        )
        return f'<section><h2>{self.say("measures")}</h2><dl class="measures">{cells}</dl></section>'

    def _lorenz(self) -> str:
        a, b = (dict(map(tuple, side.evenness["lorenz_granted"])) for side in (self.seen.a, self.seen.b))
        axes = (self.say("part of retailers"), self.say("part of units"))
        chart = charts.lorenz(
            self.seen.a.evenness["lorenz_granted"],
            self.seen.b.evenness["lorenz_granted"],
            title=self.say("lorenz"),
            axes=axes,
        )
        both = [x for x in a if x in b][1:]
        steps = max(len(both) // LORENZ_ROWS, 1)
        rows = [(f"{100 * x:.0f} %", percent(a[x]), percent(b[x])) for x in both[steps - 1 :: steps]]
        table = self._table(self.say("lorenz"), (axes[0], *self.names.values()), rows)
        return self._charted(self.say("lorenz"), chart, self.say("lorenz note"), table)

    def _fills(self, group: str, rows: Sequence[GroupRow]) -> str:
        title = self.say("fill by", group=group_name(group, self.lang))
        shown, note = rows, self.say("bars", **self.names)
        if len(rows) > CHART_ROWS:
            shown = sorted(rows, key=lambda row: (-row.eligible, row.value))[:CHART_ROWS]
            note += " " + self.say("shown", count=CHART_ROWS, all=len(rows))
        heading = (
            group_name(group, self.lang).strip(),
            self.say("retailers"),
            self.say("eligible"),
            *self.names.values(),
        )
        cells = [
            (row.value or "–", amount(row.retailers), amount(row.eligible), percent(row.fill_a), percent(row.fill_b))
            for row in shown
        ]
        return self._charted(title, charts.fills(shown, title=title), note, self._table(title, heading, cells))

    def _changes(self) -> str:
        bins = self.seen.retailers.histogram
        title = self.say("changes")
        rows = [(bin_label(some), amount(some.count)) for some in charts.shown_bins(bins)]
        table = self._table(title, (self.say("change"), self.say("retailers")), rows)
        return self._charted(title, charts.changes(bins, title=title), self.say("changes note", **self.names), table)

    def _movers(self, kind: str, moved: Movement) -> str:
        sides = (("gain", moved.winners), ("lose", moved.losers))
        tables = [self._moved(self.say(f"{kind} that {verb}"), kind, some) for verb, some in sides]
        return f'<div class="pair">{"".join(tables)}</div>'

    def _moved(self, title: str, kind: str, some: Sequence[Change]) -> str:
        name = self.say("retailer" if kind == "retailers" else "line")
        heading = (name, self.say("requested"), *self.names.values(), self.say("change"))
        rows = [
            (
                change.retailer if change.sku is None else f"{change.retailer}\n{change.sku}",
                *(amount(units) for units in (change.requested, change.a, change.b)),
                signed(change.change),
            )
            for change in some
        ]
        body = self._table(title, heading, rows) if rows else f"<p>{self.say('nobody')}</p>"
        return f"<section><h2>{escape(title)}</h2>{body}</section>"

    def _skus(self) -> str:
        contested = sorted(self.seen.skus, key=lambda row: (-abs(row.b - row.a), row.a - row.eligible, row.sku))
        heading = (*(self.say(key) for key in ("sku", "supply", "eligible")), *self.names.values(), self.say("change"))
        rows = [
            (row.sku, *(amount(units) for units in (row.supply, row.eligible, row.a, row.b)), signed(row.b - row.a))
            for row in contested[:SKU_ROWS]
        ]
        return f"<section><h2>{self.say('skus')}</h2>{self._table(self.say('skus'), heading, rows)}</section>"

    def _reasons(self) -> str:
        a, b, words = self.seen.a.reasons, self.seen.b.reasons, LANGUAGES.index(self.lang)
        rows = [
            (REASON_TEXTS[reason][words], amount(a.get(reason, 0)), amount(b.get(reason, 0)))
            for reason in REASON_TEXTS
            if reason in a or reason in b
        ]
        title = self.say("reasons")
        table = self._table(title, (self.say("reason"), *self.names.values()), rows)
        return f"<section><h2>{title}</h2>{table}</section>"

    def _origin(self) -> str:
        a, b = self.seen.a.policy, self.seen.b.policy
        rows = [(key, a.get(key, "–"), b.get(key, "–")) for key in dict.fromkeys((*a, *b))]
        title = self.say("origin")
        table = self._table(title, (self.say("key"), *self.names.values()), rows, "origin")
        note = f"<p>{self.say('baseline')}</p>" if "first_come" in (a["rule"], b["rule"]) else ""
        code = f"<p>{self.say('input')}: <code>{escape(self.seen.input_sha256)}</code></p>"
        return f"<section><h2>{title}</h2>{table}{note}{code}</section>"

    def _charted(self, title: str, chart: str, note: str, table: str) -> str:
        said = f"<figcaption>{escape(note)}</figcaption>" if note else ""
        return (
            f'<section class="charted"><h2>{escape(title)}</h2>'
            f"<figure>{chart}{said}</figure><div>{table}</div></section>"
        )

    def _table(self, caption: str, heading: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "figures") -> str:
        head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in heading)
        body = "".join(
            "<tr>"
            f'<th scope="row">{"<br>".join(map(escape, row[0].splitlines()))}</th>'
            + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
            + "</tr>"
            for row in rows
        )
        return (
            f'<table class="{kind}"><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table>"
        )
