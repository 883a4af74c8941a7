"""How cycles refuse a person's input, and how a step says why it stopped; both in words of both languages.

Texts are English message ids with named parameters; the catalog of the server holds the others.
"""

from collections.abc import Callable

from contract.errors import Rejected


def _(text: str) -> str:
    """Mark ``text`` for extraction."""
    return text


class Invalid(Rejected):
    """``invalid``, with its sentence kept as message id and parameters, so that a screen can translate it."""

    def __init__(self, where: str, what: str, /, **params: str | int) -> None:
        super().__init__("invalid", where=where, what=what.format_map(params))
        self.where = where
        self.what = what
        self.what_params = params

    def text(self, gettext: Callable[[str], str]) -> str:
        """Return the sentence in the language of ``gettext``."""
        return gettext(self.what).format_map(self.what_params)


class StepStopped(Exception):  # noqa: N818 - the step stops on purpose; nothing of it is stored
    """A step of a cycle cannot be done as things stand: a code of :data:`TROUBLES` and the parameters of its text."""

    def __init__(self, code: str, /, **params: str | int) -> None:
        self.code = code
        self.params = params
        super().__init__(TROUBLES[code].format_map(params))


#: What stopped a step, and what to do about it.
TROUBLES: dict[str, str] = {
    "supply_missing": _(
        "Supply is missing for {count} SKUs that were asked for: {skus}. Add it on the supply page (0 where there is"
        " none); the cycle then goes on by itself."
    ),
    "input_refused": _("The allocation core refuses the input: {what}. Correct it, then try the step again."),
    "input_changed": _(
        "The frozen book no longer has the hash that it was frozen with ({expected}, now {found}). Nothing was stored."
        " Find out who changed the database before you try again."
    ),
    "not_proven": _(
        "The solver could not prove its answer within its limit: {what}. Take the smallest grant off a SKU with many"
        " lines, or call the cycle off."
    ),
    "answer_refused": _("The solver's answer failed our own check: {what}. Try again; tell the administrator."),
    "over_granted": _("More was granted of {sku} than there is. Nothing was stored; tell the administrator."),
    "unexpected": _("The step failed: {what}. Try it again; if it fails again, tell the administrator."),
}


def trouble_text(code: str, params: dict[str, str | int], gettext: Callable[[str], str]) -> str:
    """Return the sentence of a stored trouble; an unknown code is shown as it is, never hidden."""
    source = TROUBLES.get(code)
    return code if source is None else gettext(source).format_map(params)
