"""The console's own icons: one grid of 20, one stroke, the colour of the text beside them."""

# ruff: noqa: E501 - a path is one datum

from markupsafe import Markup

_PATHS: dict[str, str] = {
    "alert": "M10 3.2 17.6 16.4H2.4zM10 8v3.6M10 13.8v.1",
    "arrow-left": "M16 10H4M8.5 5.5 4 10l4.5 4.5",
    "arrow-right": "M4 10h12M11.5 5.5 16 10l-4.5 4.5",
    "audit": "M4 3h9l3 3v11H4zM7 8h6M7 11h6M7 14h3",
    "balance": "M10 3v14M6 17h8M4 6h12M4 6 1.8 11.5h4.4zM16 6l-2.2 5.5h4.4z",
    "box": "M3 6.5 10 3l7 3.5v7L10 17l-7-3.5zM3 6.5l7 3.5 7-3.5M10 10v7",
    "calendar": "M3 5h14v12H3zM3 9h14M7 3v4M13 3v4",
    "catalogue": "M4 3h10a2 2 0 0 1 2 2v12H6a2 2 0 0 1-2-2zM4 14.5A1.5 1.5 0 0 1 5.5 13H16M7.5 6.5h5",
    "chart": "M3 17h14M5 17v-5M10 17V4M15 17V8.5",
    "check": "m4 10.5 4 4 8-9",
    "chevron-down": "m5 8 5 5 5-5",
    "chevron-left": "m12 5-5 5 5 5",
    "chevron-right": "m8 5 5 5-5 5",
    "chevron-up": "m5 12 5-5 5 5",
    "clock": "M10 3a7 7 0 1 1 0 14 7 7 0 0 1 0-14zM10 6v4l2.8 1.8",
    "copy": "M7 7h10v10H7zM13 7V3H3v10h4",
    "cross": "m5 5 10 10M15 5 5 15",
    "dash": "M5 10h10",
    "device": "M4 3h12v11H4zM8 17h4M10 14v3",
    "document": "M5 2.5h7l3.5 3.5v11.5H5zM12 2.5V6h3.5",
    "download": "M10 3v9.5M6 9l4 4 4-4M3.5 17h13",
    "external": "M8 4H4v12h12v-4M11 4h5v5M16 4l-7 7",
    "filter": "M3 5h14M6 10h8M8.5 15h3",
    "globe": "M10 3a7 7 0 1 1 0 14 7 7 0 0 1 0-14zM3 10h14M10 3c5 5 5 9 0 14M10 3c-5 5-5 9 0 14",
    "home": "M3 9.5 10 3.5l7 6V17h-5v-4.5H8V17H3z",
    "inbox": "M3 11 5.5 4h9L17 11v6H3zM3 11h4.5a2.5 2.5 0 0 0 5 0H17",
    "info": "M10 3a7 7 0 1 1 0 14 7 7 0 0 1 0-14zM10 9v4.5M10 6.5v.1",
    "licence": "M3 4h14v10H3zM6 7.5h5M6 10.5h3M12 12.2a1.8 1.8 0 1 0 3.6 0 1.8 1.8 0 0 0-3.6 0M12.6 13.5V18l1.2-1 1.2 1v-4.5",
    "list": "M7 5h10M7 10h10M7 15h10M3 5h.5M3 10h.5M3 15h.5",
    "lock": "M4.5 9h11v8h-11zM7 9V6.5a3 3 0 0 1 6 0V9M10 12v2",
    "megaphone": "M3 8.5v3L5 12l9 4V4L5 8zM6 12v3.5h2.5v-2.5M16.5 8v4",
    "menu": "M3 5.5h14M3 10h14M3 14.5h14",
    "moon": "M16 12.2A7 7 0 0 1 7.8 4a6.7 6.7 0 1 0 8.2 8.2z",
    "pen": "m4 16 .8-3.5L13.5 3.8l2.7 2.7-8.7 8.7zM11.5 5.8l2.7 2.7",
    "people": "M7.5 9.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2 17c0-3.5 2.2-5.5 5.5-5.5S13 13.5 13 17M13 4a2.7 2.7 0 0 1 0 5.3M15 12c2 .8 3 2.6 3 5",
    "pin": "M10 17.5c3.6-4.3 5.2-7 5.2-9.3a5.2 5.2 0 0 0-10.4 0c0 2.3 1.6 5 5.2 9.3zM10 6.3a1.9 1.9 0 1 1 0 3.8 1.9 1.9 0 0 1 0-3.8",
    "plus": "M10 4v12M4 10h12",
    "print": "M6 7V3h8v4M6 14H3V7h14v7h-3M6 11.5h8V17H6z",
    "refresh": "M16 10a6 6 0 1 1-1.8-4.3M16 3v4h-4",
    "scale": "M3 17h14M4.5 14V9M8.2 14V9M11.8 14V9M15.5 14V9M2.5 6.5h15",
    "search": "M9 4a5 5 0 1 1 0 10A5 5 0 0 1 9 4zM12.7 12.7 17 17",
    "shield": "M10 2.5 16.5 5v5c0 3.5-2.5 6-6.5 7.5C6 16 3.5 13.5 3.5 10V5zM7 10l2.2 2.2L13 8",
    "shop": "M3 8 4.5 3.5h11L17 8M3 8a2.3 2.3 0 0 0 4.7 0 2.3 2.3 0 0 0 4.6 0A2.3 2.3 0 0 0 17 8M4 11v6h12v-6M8 17v-4h4v4",
    "sign-out": "M8 3.5H4v13h4M8 10h9M13.5 6.5 17 10l-3.5 3.5",
    "sort": "m6.5 8 3.5-3.5L13.5 8M6.5 12l3.5 3.5 3.5-3.5",
    "star": "m10 3 2.1 4.6 5 .5-3.8 3.3 1.1 4.9L10 13.8l-4.4 2.5 1.1-4.9L2.9 8.1l5-.5z",
    "stop": "M6.8 2.8h6.4l4 4v6.4l-4 4H6.8l-4-4V6.8zM7.5 7.5l5 5M12.5 7.5l-5 5",
    "sun": "M10 6.5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7zM10 2v1.5M10 16.5V18M2 10h1.5M16.5 10H18M4.3 4.3l1.1 1.1M14.6 14.6l1.1 1.1M4.3 15.7l1.1-1.1M14.6 5.4l1.1-1.1",
    "survey": "M4 3h12v14H4zM7 7l1 1 1.8-2M12 7h1.5M7 12l1 1 1.8-2M12 12.5h1.5",
    "truck": "M2 5h10v9H2zM12 8h3.5L18 11v3h-6M5.5 14a1.6 1.6 0 1 0 0 3.2 1.6 1.6 0 0 0 0-3.2M14.5 14a1.6 1.6 0 1 0 0 3.2 1.6 1.6 0 0 0 0-3.2",
    "upload": "M10 13V3.5M6 7l4-4 4 4M3.5 17h13",
    "user": "M10 10a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM3.5 17.5c0-3.5 2.5-5.5 6.5-5.5s6.5 2 6.5 5.5",
    "voice": "M3 4h14v9.5H9l-4 3.5v-3.5H3zM6.5 7.5h7M6.5 10.3h4.5",
}
NAMES = frozenset(_PATHS)


def icon(name: str, label: str = "") -> Markup:
    """Return an icon; with ``label`` it speaks, without it is decoration beside a word.

    Raises ``KeyError`` for a name that is not in :data:`NAMES`.
    """
    speech = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
    return Markup(
        '<svg class="icon" viewBox="0 0 20 20" width="20" height="20" fill="none" stroke="currentColor"'
        ' stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round" {}><path d="{}"/></svg>'
    ).format(speech, _PATHS[name])
