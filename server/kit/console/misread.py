"""Pages for what could not be read: an address that leads nowhere, a form whose fields do not fit.

An address (its path, or what stands behind the question mark) that cannot be read names nothing that there is: the
answer is 404 and says which thing was looked for. Fields of a form are named as the form names them, each with what is
wrong and what to do; what was typed is kept. What things and fields are called is handed over with the shell
(:class:`~server.kit.console.frame.FormWords`).
"""

from collections.abc import Sequence
from http import HTTPStatus

from fastapi import Request
from fastapi.responses import Response

from contract.texts import refusal_text
from server.kit.console.shell import error_page, words_of_forms
from server.kit.console.texts import language_of, texts
from server.kit.misread import SHOWN_MOST, Finding


def answer(request: Request, found: Sequence[Finding]) -> Response:
    """Return the page that tells what could not be read."""
    address = next((one for one in found if one.part in {"path", "query"}), None)
    if address is not None:
        return error_page(request, HTTPStatus.NOT_FOUND, what=_which(request, address))
    wrong: dict[str, str] = {}
    for one in found:
        wrong.setdefault(one.name, one.sentence)
    return error_page(request, HTTPStatus.UNPROCESSABLE_ENTITY, wrong=wrong)


def nowhere(request: Request) -> Response:
    """Answer an address whose value is beyond all that could be kept."""
    named = [
        refusal_text("not_found", {"what": noun, "name": f"“{str(value)[:SHOWN_MOST]}”"}, language_of(request))
        for name, value in request.path_params.items()
        if str(value).isprintable() and (noun := _noun(request, name)) is not None
    ]
    return error_page(request, HTTPStatus.NOT_FOUND, what=named[-1] if named else None)


def _which(request: Request, found: Finding) -> str | None:
    """Return which thing there is not; nothing where an address names none that has a word."""
    noun = _noun(request, found.name)
    if noun is None:
        return None
    if found.missing or not found.value:
        return texts(request).gettext("The address does not say which one is meant.")
    return refusal_text("not_found", {"what": noun, "name": f"“{found.value}”"}, language_of(request))


def _noun(request: Request, name: str) -> str | None:
    """Return the contract's word for what a parameter names: by what stands before it in the path, else by its name."""
    things = words_of_forms(request).things
    before, within, _ = str(request.scope["route"].path).partition("{" + name + "}")
    place = before.rstrip("/").rpartition("/")[2] if within else ""
    return things.get(f"{place}/{name}") or things.get(name)
