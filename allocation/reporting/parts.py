"""Parts of pages that say all in English and Chinese, show one of the two, print, and fetch nothing from outside."""

from collections.abc import Iterable, Sequence
from html import escape


def page(en: str, zh: str, style: str, sections: Iterable[str]) -> str:
    """Return a whole page; `sections` are HTML."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(en)} · {escape(zh)}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>\n{style}</style></head><body>\n"
        '<nav aria-label="Language · 语言">\n'
        '<input type="radio" name="language" id="show-en" checked><label for="show-en">English</label>\n'
        '<input type="radio" name="language" id="show-zh"><label for="show-zh">中文</label></nav>\n'
        f"<main><h1>{both(en, zh)}</h1>\n" + "\n".join(sections) + "\n</main></body></html>\n"
    )


def section(en: str, zh: str, body: str) -> str:
    """Return a part of a page under a heading; `body` is HTML."""
    return f"<section><h2>{both(en, zh)}</h2>{body}</section>"


def table(heading: Iterable[tuple[str, str]], rows: Iterable[Sequence[str]], kind: str = "figures") -> str:
    """Return a table; the cells of `rows` are HTML."""
    head = "".join(f'<th scope="col">{both(en, zh)}</th>' for en, zh in heading)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def both(en: str, zh: str) -> str:
    """Return a text in both languages, of which one is shown."""
    return f'<span lang="en">{escape(en)}</span><span lang="zh-Hans">{escape(zh)}</span>'


def number_text(number: float) -> str:
    """Print a number: whole ones with commas, others with three decimals."""
    return f"{number:,}" if isinstance(number, int) else f"{number:,.3f}"
