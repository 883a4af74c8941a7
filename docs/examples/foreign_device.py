"""A device of another make, written from docs/contract.md alone: it orders, waits for receipts, forgets nothing.

``python foreign_device.py FOLDER [--http]`` reads steps from standard input as ``evenhand contract check`` writes them.
Needs ``cryptography`` and ``paho-mqtt``. Nothing of Evenhand is imported. ``--http`` never speaks with the broker.
"""

import argparse
import base64
import hashlib
import json
import secrets
import sqlite3
import ssl
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID
from paho.mqtt.enums import CallbackAPIVersion

TURN_S = 2.0
SAY_AGAIN_S = 10.0
KNOCK_AGAIN_S = 3600.0
REVOKED = "device_revoked"

TABLES = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS said (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, body TEXT NOT NULL, outcome TEXT,
    revision INTEGER
);
CREATE TABLE IF NOT EXISTS told (key TEXT PRIMARY KEY, kind TEXT NOT NULL, data TEXT NOT NULL);
"""


class RefusedError(Exception):
    """The server said no: ``family`` says what to do next."""

    def __init__(self, status: int, answer: dict[str, Any]) -> None:
        super().__init__(f"{status} {answer}")
        self.status = status
        self.code = str(answer.get("code", ""))


def uuid7() -> str:
    """Return a UUID of version 7: milliseconds, then random bits."""
    number = (int(time.time() * 1000) << 80) | secrets.randbits(80)
    number = number & ~(0xF << 76) & ~(0x3 << 62) | (0x7 << 76) | (0x2 << 62)
    return str(uuid.UUID(int=number))


class Device:
    """The device over a folder; what is in the folder outlives its power."""

    def __init__(self, folder: Path, *, http_only: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._http_only = http_only
        self._lock = threading.RLock()
        self._store = sqlite3.connect(folder / "device.db", check_same_thread=False, isolation_level=None)
        self._store.executescript(TABLES)
        self._broker: mqtt.Client | None = None
        self._connected = False
        self._sent_at: dict[int, float] = {}
        self._clock_offset_s = 0.0
        self._woken = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    # -- what is kept

    def _kept(self, name: str) -> str | None:
        with self._lock:
            row = self._store.execute("SELECT value FROM kept WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def _keep(self, **values: str) -> None:
        with self._lock, self._store:
            self._store.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?)", list(values.items()))

    # -- HTTP

    def _ask(self, method: str, target: str, body: bytes = b"", *, signed: bool = True) -> Any:
        headers = {"Content-Type": "application/json"} if body else {}
        if signed:
            headers |= self._signature(method, target, body)
        request = urllib.request.Request(
            f"{self._kept('server')}{target}", data=body or None, headers=headers, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                raw = answer.read()
        except urllib.error.HTTPError as error:
            raise RefusedError(error.code, self._read_refusal(error.read())) from None
        return json.loads(raw) if raw else None

    @staticmethod
    def _read_refusal(raw: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(raw)
        except ValueError:
            return {}
        return answer if isinstance(answer, dict) else {}

    def _signature(self, method: str, target: str, body: bytes) -> dict[str, str]:
        key = self._key()
        path, _, query = target.partition("?")
        values = {"@method": method, "@path": path, "@query": f"?{query}"}
        headers = {}
        if body:
            headers["Content-Digest"] = f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"
            values["content-digest"] = headers["Content-Digest"]
        names = " ".join(f'"{name}"' for name in values)
        said = (
            f'({names});created={int(time.time() + self._clock_offset_s)};nonce="{secrets.token_urlsafe(16)}"'
            f';keyid="{self._fingerprint(key)}";alg="ecdsa-p256-sha256";tag="evenhand-device"'
        )
        base = "\n".join([*(f'"{name}": {value}' for name, value in values.items()), f'"@signature-params": {said}'])
        r, s = decode_dss_signature(key.sign(base.encode(), ec.ECDSA(hashes.SHA256())))
        signature = base64.b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big")).decode()
        return headers | {"Signature-Input": f"device={said}", "Signature": f"device=:{signature}:"}

    # -- the key and the certificate

    def _key(self) -> ec.EllipticCurvePrivateKey:
        pem = self._kept("key")
        if pem is None:
            made = ec.generate_private_key(ec.SECP256R1())
            pem = made.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ).decode()
            self._keep(key=pem)
        key = serialization.load_pem_private_key(pem.encode(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError("the key kept here is none of the curve P-256")
        return key

    @staticmethod
    def _fingerprint(key: ec.EllipticCurvePrivateKey) -> str:
        public = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return hashlib.sha256(public).hexdigest()

    def enrol(self, server: str, code: str) -> None:
        """Ask with the code until an operator has decided."""
        self._keep(server=server.rstrip("/"))
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "new device")])
        request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(self._key(), hashes.SHA256())
        pem = request.public_bytes(serialization.Encoding.PEM).decode()
        body = json.dumps({"code": code, "model": "foreign device", "csr": pem}).encode()
        while True:
            answer = self._ask("POST", "/device/v1/enrol", body, signed=False)
            if answer["state"] != "waiting":
                break
            time.sleep(TURN_S)
        if answer["state"] != "confirmed":
            raise RuntimeError(f"the enrolment is {answer['state']}: {answer.get('reason', '')}")
        enrolled = answer["enrolled"]
        self._keep(
            device=enrolled["device"],
            certificate=enrolled["certified"]["certificate"],
            authorities=enrolled["certified"]["authorities"],
            broker=json.dumps([enrolled.get("broker_host"), enrolled.get("broker_port")]),
        )
        self._woken.set()

    # -- what is done at the device

    def say(self, kind: str, data: dict[str, Any]) -> str:
        """Keep a message, then let it go; return its id."""
        with self._lock, self._store:
            (last,) = self._store.execute("SELECT coalesce(max(seq), 0) FROM said").fetchone()
            message = self._envelope(data, last + 1)
            self._store.execute(
                "INSERT INTO said (seq, id, kind, body) VALUES (?, ?, ?, ?)",
                (last + 1, message["id"], kind, json.dumps(message)),
            )
        self._woken.set()
        return str(message["id"])

    def _envelope(self, data: dict[str, Any], seq: int) -> dict[str, Any]:
        now = datetime.now(UTC).isoformat()
        return {"id": uuid7(), "device": self._kept("device"), "seq": seq, "sent_at": now, "schema": 1, "data": data}

    def order(self, window: str, sku: str, units: int) -> None:
        """Order, and remember which order it is."""
        lines = [{"sku": sku, "quantity_units": units}]
        self._keep(order=self.say("order.place", {"window": window, "lines": lines}))

    def amend(self, sku: str, units: int) -> None:
        """Change the order, on top of what is known or under way."""
        order = self._kept("order")
        with self._lock:
            row = self._store.execute("SELECT data FROM told WHERE key = ?", (f"order:{order}",)).fetchone()
            told = json.loads(row[0])["revision"] if row else 1
            since = "SELECT max(revision) FROM said WHERE seq >= (SELECT seq FROM said WHERE id = ?)"
            receipted = self._store.execute(since, (order,)).fetchone()[0] or 1
            under_way = self._store.execute(
                "SELECT count(*) FROM said WHERE kind = 'order.amend' AND outcome IS NULL"
            ).fetchone()[0]
        revision = max(told, receipted) + under_way  # whichever came first
        self.say(
            "order.amend", {"order": order, "revision": revision, "lines": [{"sku": sku, "quantity_units": units}]}
        )

    def shows(self) -> str:
        """Return what the screen says of the last act."""
        if self._kept("revoked"):
            return "revoked"
        with self._lock:
            row = self._store.execute("SELECT outcome FROM said ORDER BY seq DESC LIMIT 1").fetchone()
        if row is None:
            return "nothing"
        return {None: "waiting", "accepted": "received"}.get(row[0], "refused")

    # -- the exchange

    def _run(self) -> None:
        while not self._ended:
            pause_s = TURN_S
            if self._kept("device"):
                try:
                    if self._kept("revoked"):
                        pause_s = KNOCK_AGAIN_S
                    else:
                        self._turn()
                except RefusedError as refused:
                    self._heed(refused)
                except (OSError, ValueError):
                    pass
            self._woken.wait(pause_s)
            self._woken.clear()

    def _turn(self) -> None:
        if not self._http_only and self._broker is None:
            self._connect()
        if self._connected and self._broker is not None:
            for _, kind, body in self._due():
                self._broker.publish(self._up(kind), body, qos=1)
        else:
            for _, kind, body in self._due():
                self._settle(self._ask("POST", f"/device/v1/up/{kind}", body.encode()))
            status = {"version": "1.0", "queue_length": len(self._waiting()), "language": "en"}
            self._ask("POST", "/device/v1/up/device.status", json.dumps(self._envelope(status, 0)).encode())
        self._learn_the_time()
        self._pull()

    def _due(self) -> list[tuple[int, str, str]]:
        """Return what waits and was not said just now; it counts as said from here on."""
        now_s = time.monotonic()
        due = [one for one in self._waiting() if now_s - self._sent_at.get(one[0], -SAY_AGAIN_S) >= SAY_AGAIN_S]
        self._sent_at.update({seq: now_s for seq, _, _ in due})
        return due

    def _learn_the_time(self) -> None:
        said = self._ask("GET", "/device/v1/time", signed=False)["server_time"]
        self._clock_offset_s = datetime.fromisoformat(said).timestamp() - time.time()

    def _heed(self, refused: RefusedError) -> None:
        if refused.code == REVOKED:
            self._keep(revoked="yes")
            if self._broker is not None:
                self._broker.disconnect()
                self._broker.loop_stop()
                self._broker = None

    def _waiting(self) -> list[tuple[int, str, str]]:
        with self._lock:
            return self._store.execute("SELECT seq, kind, body FROM said WHERE outcome IS NULL ORDER BY seq").fetchall()

    def _settle(self, receipt: dict[str, Any] | None) -> None:
        if receipt:
            with self._lock, self._store:
                self._store.execute(
                    "UPDATE said SET outcome = ?, revision = ? WHERE id = ? AND outcome IS NULL",
                    (receipt["outcome"], receipt.get("revision"), receipt["message"]),
                )

    def _pull(self) -> None:
        while True:
            page = self._ask("GET", f"/device/v1/feed?after={self._kept('cursor') or 0}")
            for item in page["items"]:
                self._take(item)
            if not page["more"]:
                return

    def _take(self, item: dict[str, Any]) -> None:
        """Write an item down with the number up to which everything is here; what is not known is kept unread."""
        with self._lock, self._store:
            if item["seq"] <= int(self._kept("cursor") or 0):
                return
            self._store.execute(
                "INSERT OR REPLACE INTO told VALUES (?, ?, ?)", (item["key"], item["kind"], json.dumps(item["data"]))
            )
            if item["kind"] == "receipt":
                self._settle(item["data"])
            self._store.execute("INSERT OR REPLACE INTO kept VALUES ('cursor', ?)", (str(item["seq"]),))

    # -- the broker

    def _topics(self, way: str) -> str:
        device = self._kept("device") or ""
        shard = int.from_bytes(hashlib.sha256(device.encode()).digest()[:4], "big") % 64
        return f"eh/v1/{shard}/{device}/{way}"

    def _up(self, kind: str) -> str:
        return f"{self._topics('up')}/{kind}"

    def _connect(self) -> None:
        host, port = json.loads(self._kept("broker") or "[null, null]")
        if host is None:
            return
        own = self._folder / "certificate.pem"
        own.touch(mode=0o600)
        own.write_text(f"{self._kept('key')}{self._kept('certificate')}", encoding="ascii")
        tls = ssl.create_default_context(cadata=self._kept("authorities"))
        tls.load_cert_chain(own)
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=self._kept("device") or "", clean_session=False)
        client.tls_set_context(tls)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.connect_async(host, port, keepalive=15)
        client.loop_start()
        self._broker = client

    def _on_connect(self, client: mqtt.Client, _data: object, _flags: object, reason: Any, _rest: object) -> None:
        if reason.is_failure:
            return
        client.subscribe(f"{self._topics('down')}/#", qos=1)
        self._connected = True
        self._sent_at.clear()
        status = {"version": "1.0", "queue_length": len(self._waiting()), "language": "en"}
        client.publish(self._up("device.status"), json.dumps(self._envelope(status, 0)), qos=1)
        pull = self._envelope({"after": int(self._kept("cursor") or 0)}, 0)
        client.publish(self._up("feed.pull"), json.dumps(pull), qos=1)
        self._woken.set()

    def _on_disconnect(self, *_rest: object) -> None:
        self._connected = False

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        item = json.loads(message.payload)
        if item["seq"] == int(self._kept("cursor") or 0) + 1:
            self._take(item)
        else:
            self._woken.set()  # a gap, or known already: the next turn pulls

    def end(self) -> None:
        """Lose the power."""
        self._ended = True
        self._woken.set()
        if self._broker is not None:
            self._broker.disconnect()
            self._broker.loop_stop()
        self._thread.join()
        self._store.close()


def main() -> None:
    """Do what each line asks for, and answer it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--http", action="store_true")
    given = parser.parse_args()
    device = Device(given.folder, http_only=given.http)
    for line in sys.stdin:
        step = json.loads(line)
        answer: dict[str, Any] = {"done": True}
        match step["step"]:
            case "enrol":
                device.enrol(step["server"], step["code"])
            case "order":
                device.order(step["window"], step["sku"], step["units"])
            case "amend":
                device.amend(step["sku"], step["units"])
            case "restart":
                device.end()
                device = Device(given.folder, http_only=given.http)
            case "show":
                answer["shows"] = device.shows()
            case other:
                answer = {"done": False, "why": f"this device knows no step {other!r}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    device.end()


if __name__ == "__main__":
    main()
