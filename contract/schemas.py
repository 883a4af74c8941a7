"""JSON Schemas of the contract, for other vendors' terminals: ``python -m contract.schemas FOLDER``."""

import json
import sys
from pathlib import Path

from contract.device_api import Enrol, Enrolled, FeedPage, Reference, ServerTime
from contract.envelope import Envelope, FeedItem
from contract.feed import DOWN
from contract.messages import UP, Message


def schemas() -> dict[str, dict[str, object]]:
    """Return every schema by its file name, without ``.json``."""
    named: dict[str, type[Message | Envelope | FeedItem]] = {
        "envelope": Envelope,
        "feed-item": FeedItem,
    }
    named |= {f"up.{kind}": model for kind, model in UP.items()}
    named |= {f"down.{kind}": model for kind, model in DOWN.items()}
    named |= {f"http.{m.__name__.lower()}": m for m in (Enrol, Enrolled, FeedPage, Reference, ServerTime)}
    return {name: model.model_json_schema(by_alias=True) for name, model in named.items()}


def main() -> None:
    """Write one file a schema into the folder named on the command line."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, schema in schemas().items():
        text = json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False)
        (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
