"""Texts that are written down long before somebody reads them."""


def N_(text: str) -> str:  # noqa: N802 - the name by which gettext knows a text that is translated later
    """Mark ``text`` for extraction and return it; the place that shows it translates it."""
    return text
