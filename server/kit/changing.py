"""Two people on one thing: who saves second is told, and shown what stands there now beside what was typed."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from contract.errors import Conflict

NEW = "new"
"""What a person saw who adds something: that nothing stands there."""


@dataclass(frozen=True)
class Standing:
    """What stands in one field now: the field's name in the form, its label (an ``N_`` text), its value as text.

    ``money`` is in minor units, as records write it.
    """

    name: str
    label: str
    value: str
    money: bool = False


class ChangedMeanwhileError(Conflict):
    """``changed_meanwhile``: another version stands there than the person saw; nothing was written."""

    def __init__(self, name: str, stands: Sequence[Standing] = ()) -> None:
        super().__init__("changed_meanwhile", name=name)
        self.stands = tuple(stands)


def digest(values: Any) -> str:
    """Return a short digest of values, by which a person's form finds out that it is out of date."""
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:16]
