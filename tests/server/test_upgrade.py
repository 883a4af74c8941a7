"""An upgraded server takes what terminals of the release before say: every message of each version still supported."""

import json
from pathlib import Path

import pytest
from factories import NOW, make_device, make_retailer
from sqlalchemy.orm import Session

from contract.envelope import SCHEMA, Envelope
from contract.errors import Rejected
from contract.messages import RECEIPTED
from server.kit.inbox import InboxEntry, receive
from server.wiring import HANDLERS

GOLDEN = Path(__file__).parents[1] / "contract" / "golden"
OLDEST = 1
SAID = [(path.stem.partition("+")[0].removeprefix("up."), path) for path in sorted(GOLDEN.glob("v*/up.*.json"))]


def test_every_supported_version_is_written_down():
    assert {path.parent.name for _, path in SAID} == {f"v{number}" for number in range(OLDEST, SCHEMA + 1)}


@pytest.mark.parametrize(("kind", "path"), SAID, ids=[f"{path.parent.name} {kind}" for kind, path in SAID])
def test_a_message_of_a_supported_version_is_read_and_answered(session: Session, kind: str, path: Path):
    make_retailer(session)
    envelope = Envelope.decode(path.read_bytes())

    receipt = receive(session, make_device(session, device=envelope.device), kind, envelope, HANDLERS, at=NOW)

    assert (receipt is not None) == (kind in RECEIPTED)
    if receipt is not None:
        assert receipt.code not in {"unsupported", "malformed"}, receipt


def test_a_message_of_a_newer_version_is_refused_in_words_and_not_taken(session: Session):
    make_retailer(session)
    kind, path = SAID[0]
    newer = Envelope.model_validate(json.loads(path.read_bytes()) | {"schema": SCHEMA + 1})
    sender = make_device(session, device=newer.device)

    with pytest.raises(Rejected, match=f"version {SCHEMA + 1}. Update the server") as refused:
        receive(session, sender, kind, newer, HANDLERS, at=NOW)

    assert refused.value.code == "unsupported"
    assert session.get(InboxEntry, (sender.party, newer.id)) is None
