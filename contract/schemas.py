"""JSON Schemas of the contract, for other vendors' terminals: ``python -m contract.schemas FOLDER``."""

import json
import sys
from pathlib import Path

from contract.device_api import Certified, Enrol, Enrolled, Enrolment, FeedPage, Reference, Renew, ServerTime
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
    over_http = (Certified, Enrol, Enrolled, Enrolment, FeedPage, Reference, Renew, ServerTime)
    named |= {f"http.{m.__name__.lower()}": m for m in over_http}
    return {name: model.model_json_schema(by_alias=True) for name, model in named.items()}


def write(folder: Path) -> list[Path]:
    """Write one file a schema into ``folder``, which is made where it is missing; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, schema in schemas().items():
        path = folder / f"{name}.json"
        path.write_text(json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
        written.append(path)
    return written


def main() -> None:
    """Write the schemas into the folder named on the command line."""
    write(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
