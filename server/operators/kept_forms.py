"""What a person typed into a form whose session was over: kept through the sign-in, and offered again.

The server stores nothing: the sign-in page carries the form along, and the page after it shows what was typed
and sends it only when the person says so.
"""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from fastapi import Request

from server.kit import console

MOST_BYTES = 64 * 1024
_SECRETS = ("csrf", "password", "secret", "code", "token")


@dataclass(frozen=True)
class KeptForm:
    """Where a form goes and what was typed into it, secrets left out."""

    path: str
    pairs: tuple[tuple[str, str], ...]

    @property
    def packed(self) -> str:
        """The pairs as one field of another form; :func:`unpack` reads it."""
        return urlencode(self.pairs)


def of_request(request: Request) -> KeptForm | None:
    """Return the form that a request carried, or none where it carried none or one that is too large to keep."""
    typed = getattr(request.state, "typed", None)
    if typed is None:
        return None
    pairs = tuple((k, v) for k, v in typed.multi_items() if not any(word in k for word in _SECRETS))
    return _checked(request.url.path, pairs)


def unpack(path: str, packed: str) -> KeptForm | None:
    """Return the form that a sign-in page carried along, or none; what does not lead into the console is dropped."""
    try:
        pairs = tuple(parse_qsl(packed, keep_blank_values=True, max_num_fields=1000))
    except ValueError:
        return None
    return _checked(path, pairs)


def _checked(path: str, pairs: tuple[tuple[str, str], ...]) -> KeptForm | None:
    if console.local_path(path) is None or not path.startswith("/console/") or path.startswith("/console/sign-"):
        return None
    form = KeptForm(path, pairs)
    return form if len(form.packed) <= MOST_BYTES else None
