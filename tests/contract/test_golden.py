"""What was once on the wire stays readable for ever: payloads of every family, written down per version.

A change that breaks one of these files needs a new version in the topic, never a change of the file.
"""

import json
from pathlib import Path

import pytest

from contract.device_api import Certified, Enrol, Enrolled, Enrolment, FeedPage, Reference, Renew, ServerTime
from contract.envelope import SCHEMA, Envelope, FeedItem
from contract.feed import DOWN
from contract.messages import UP, Message

GOLDEN = Path(__file__).parent / "golden" / f"v{SCHEMA}"
HTTP = {
    f"http.{model.__name__.lower()}": model
    for model in (Certified, Enrol, Enrolled, Enrolment, FeedPage, Reference, Renew, ServerTime)
}
FILES = sorted(GOLDEN.glob("*.json"))


def family(path: Path) -> str:
    """The family of a payload; what came later in a version stands in a file of its own: ``down.survey+only_if``."""
    return path.stem.partition("+")[0]


def said(message: Message | Envelope | FeedItem) -> object:
    """What the other side wrote, as read; a field that is no longer known would be gone."""
    return json.loads(message.model_dump_json(by_alias=True, exclude_unset=True))


def test_every_family_has_a_payload_written_down():
    families = {f"up.{kind}" for kind in UP} | {f"down.{kind}" for kind in DOWN} | HTTP.keys()

    assert {family(path) for path in FILES} == families


@pytest.mark.parametrize("path", [path for path in FILES if path.stem.startswith("up.")], ids=lambda path: path.stem)
def test_what_a_terminal_sent_stays_readable(path: Path):
    kind, raw = family(path).removeprefix("up."), path.read_bytes()

    envelope = Envelope.decode(raw)

    assert said(envelope) == json.loads(raw)
    assert said(UP[kind].model_validate(envelope.data)) == envelope.data


@pytest.mark.parametrize("path", [path for path in FILES if path.stem.startswith("down.")], ids=lambda path: path.stem)
def test_what_the_server_sent_stays_readable(path: Path):
    kind, raw = family(path).removeprefix("down."), path.read_bytes()

    item = FeedItem.decode(raw)

    assert item.kind == kind
    assert said(item) == json.loads(raw)
    assert said(DOWN[kind].model_validate(item.data)) == item.data


@pytest.mark.parametrize("name", HTTP)
def test_what_was_exchanged_over_http_stays_readable(name: str):
    raw = (GOLDEN / f"{name}.json").read_bytes()

    assert said(HTTP[name].model_validate_json(raw)) == json.loads(raw)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_newer_writers_fields_are_ignored(path: Path):
    side, _, kind = family(path).partition(".")
    reader = {"up": Envelope, "down": FeedItem}.get(side) or HTTP[family(path)]
    written = json.loads(path.read_bytes())
    newer = written | {"added_later": {"by": "a newer version"}}
    if side in {"up", "down"}:
        newer["data"] = written["data"] | {"added_later": 1}

    message = reader.model_validate_json(json.dumps(newer))

    if isinstance(message, (Envelope, FeedItem)):
        model = {"up": UP, "down": DOWN}[side][kind]
        assert said(model.model_validate(message.data)) == written["data"]
    else:
        assert said(message) == written
