"""The message broker: the small port that the server needs, and two programs as a child process behind it.

Access is by authenticated identity only. Devices come by TLS with a certificate of the fleet's authority, whose common
name is their name; the server's own processes by a listener on loopback, with passwords made at each start. The name
becomes the client id, whatever the client sends, so an identity has one session. A device writes below
`<root>/+/<its name>/up` and reads below `<root>/+/<its name>/down`, `<root>/all/down` and `<root>/<its group>/down`; a
service reads every `up` and writes every `down`. A broker may grant any subscription and filter when it delivers. Its
acknowledgement promises nothing: its state may be lost at any time.
Messages can be retained, which broadcasts to groups are. What a device leaves so below its own `up` nobody reads but
services, which may clear it.

Mosquitto is the one to run. Aedes (`aedes/broker.mjs`) keeps the same rules from the same files where there is Node.js
and no Mosquitto: `tests/server/kit/test_broker.py` and `tests/system/test_isolation.py` try both.
"""

import base64
import hashlib
import json
import logging
import os
import queue
import random
import re
import secrets
import shutil
import signal
import socket
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from server.kit import homes
from server.kit.processes import Account, StartError, find, run, spawn, stop, until

_LOG = logging.getLogger(__name__)

Kind = Literal["mosquitto", "aedes"]
"""The programs that can be a child of ours."""
HASH_ITERATIONS = 1
"""Enough, because secrets are 256 random bits, which no number of guesses finds. Every connection pays for it, and
every live session again when identities change: 5,000 of them among 20,000 identities were checked in 0.15 s, and in
0.4 s at the usual 101."""

OLDEST_MAJOR = 2
TAKEN_OVER_WITHIN_S = 10.0
_PORT, _PUBLIC_PORT, _KIND, _MODULES = "port", "public-port", "kind", "modules"
_CONFIGURATIONS: dict[Kind, str] = {"mosquitto": "mosquitto.conf", "aedes": "aedes.json"}
_AEDES = Path("aedes/aedes.js")
PLACES = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")
"""Where a broker may lie that a user's PATH leaves out."""
RESERVED_NAMES = frozenset({"up", "down", "all"})  # would shift the levels of a topic
_NAME = re.compile(r"[a-z0-9-]{1,64}")
_HASH = re.compile(r"\$7\$[1-9]\d*\$[A-Za-z0-9+/]+=*\$[A-Za-z0-9+/]+=*")
_PORTS = range(20_000, 30_000)
"""Below the range of outgoing connections: there, a client that reconnects to a broker that is down could be given
the broker's own port, connect to itself and keep the broker from coming back."""


class Broker(Protocol):
    """What the server asks of a broker."""

    @property
    def url(self) -> str:
        """Where our own processes connect: `mqtt://host:port`."""
        ...

    @property
    def public_port(self) -> int | None:
        """Where devices connect by TLS; None: started without."""
        ...

    @property
    def pid(self) -> int | None:
        """Process id of the broker; None while it does not run."""
        ...

    @property
    def log(self) -> Path:
        """What it says: faults, and who connects from where, worded as Mosquitto does."""
        ...

    def stop(self) -> None:
        """End the broker cleanly."""
        ...

    def apply_identities(
        self,
        identities: Iterable[tuple[str, str]],
        groups: Mapping[str, str] | None = None,
        *,
        revocations: str | None = None,
        ended: Collection[str] = (),
    ) -> None:
        """Make these the identities with passwords that exist: pairs of name and password hash, the complete list.

        ``groups`` names whose broadcasts an identity reads beside those to all; it needs none. Within a second no
        other identity can connect with a password, and live sessions of those that were removed, or whose hash
        changed, have ended; live sessions hear their new group and no longer the old one. ``revocations`` are the lists
        of revoked certificates, in PEM, in place of those before: none of them lets anybody in from now on. The live
        sessions of the devices in ``ended`` end, and what waited for them is dropped. Callers see to it that an older
        list is not applied after a newer one.
        """
        ...


def password_hash(secret: str) -> str:
    """Return the hash of a random secret of at least 256 bits, in Mosquitto's PBKDF2-SHA512 form."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", secret.encode(), salt, HASH_ITERATIONS)
    return f"$7${HASH_ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


ACCOUNTS = ("mosquitto", "nobody")
"""Whose rights it runs with when we are root: the first that there is."""


@dataclass(frozen=True)
class Limits:
    """What one client may ask of the broker."""

    packet_bytes: int = 17 * 1024
    """Largest packet: an envelope of 16 KiB, its topic and properties. The sender of a larger one is disconnected
    (Mosquitto's `message_size_limit` would acknowledge it and drop it unheard)."""
    queued_messages: int = 10_000
    """Kept for an absent session; newer ones are dropped, and their senders repeat them for want of a receipt."""
    inflight_messages: int = 256
    """Delivered and not yet acknowledged: more than one group commit of ingest."""
    keepalive_s: int = 300
    """Longest silence of a version 5 client; Mosquitto 2.0 lets older clients choose."""
    session_days: int = 14
    """An absent session is forgotten after this time."""
    status_interval_s: int = 10
    """How often the broker publishes its own figures below `$SYS`, for services."""


@dataclass(frozen=True)
class Tls:
    """By what devices believe the broker, and the broker devices; everything in PEM."""

    certificate: str
    key: str
    authorities: str
    revocations: str
    host: str = "127.0.0.1"
    port: int | None = None
    """Default: the one that terminals know, if it is free, else a free one."""


@dataclass(frozen=True)
class ChildBroker:
    """A broker that was started in `data_dir`, whoever started it; its URL stays the same across restarts."""

    data_dir: Path
    home: Path
    port: int
    public_port: int | None = None
    """Where devices connect by TLS; None: started without."""
    kind: Kind = "mosquitto"

    @property
    def url(self) -> str:
        """Where our own processes connect."""
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """Process id of the broker; None while it does not run."""
        child = find(self.home)
        return None if child is None else child.pid

    def apply_identities(
        self,
        identities: Iterable[tuple[str, str]],
        groups: Mapping[str, str] | None = None,
        *,
        revocations: str | None = None,
        ended: Collection[str] = (),
    ) -> None:
        """Make these the identities that exist, as `Broker` says; kept for the next start if it does not run.

        Raises
        ------
        ValueError
            A name, group or hash is not in its form, or a name comes twice; nothing was changed.
        """
        known = list(identities)
        text = _password_lines(known)
        with homes.opened(self.data_dir) as home:
            rules, _, _ = (home.path / "acl").read_text().partition(_GROUPS)
            home.write("acl", rules + _group_rules(groups or {}, _root_of(rules)))
            if revocations is not None:
                home.write("revoked.pem", revocations)
            self._apply(home, text)
            if ended and find(home.path) is not None:
                takeover = secrets.token_urlsafe(32)
                self._apply(home, _password_lines([*known, *((name, password_hash(takeover)) for name in ended)]))
                for name in ended:
                    _take_over(self.port, name, takeover)
                self._apply(home, text)

    def _apply(self, home: homes.Home, passwords: str) -> None:
        home.write("passwords", passwords)
        child = find(home.path)
        if child is not None:
            os.kill(child.pid, signal.SIGHUP)

    @property
    def log(self) -> Path:
        """What it says: faults, and who connects from where."""
        return self.data_dir / f"{self.kind}.log"

    def stop(self) -> None:
        """End the broker cleanly; Mosquitto keeps what is queued, Aedes nothing."""
        stop(self.home, [signal.SIGTERM, signal.SIGKILL])


def start(
    data_dir: Path,
    *,
    services: Collection[str],
    watchers: Collection[str] = (),
    topic_root: str = "eh/v1",
    port: int | None = None,
    account: str | None = None,
    limits: Limits | None = None,
    timeout_s: float = 20,
    tls: Tls | None = None,
    kind: Kind = "mosquitto",
    modules: Path | None = None,
) -> ChildBroker:
    """Return the running broker of `data_dir`: attach to it or start it, on loopback.

    It ends when the process that started it ends, also by `kill -9` (on Linux; elsewhere the next start ends what
    was left). Identities applied earlier still hold; at first there are none.

    Parameters
    ----------
    data_dir
        A folder that is ours alone.
    services
        Names of the identities that read all `up` and write all `down`.
    watchers
        Names of the identities that read all `up` and write nothing.
    port
        Of the listener with passwords. Default: the one used last here, if it is free, else a free one.
    tls
        Opens a second listener, for devices with certificates.
    kind
        Which program; the one that runs already is ended where it is another.
    modules
        The folder of Node.js packages that has Aedes.
    account
        Whose rights it runs with when we are root; default: `mosquitto`, else `nobody`.

    Raises
    ------
    StartError
        One line: what, where and what to do.
    """
    names = (account,) if account else ACCOUNTS
    with homes.opened(data_dir, *names) as home:
        deadline = time.monotonic() + timeout_s
        while (child := find(home.path)) is not None:
            if not child.orphaned and _kind_in(home.path) == kind:
                return attach(data_dir)
            stop(home.path, [signal.SIGTERM, signal.SIGKILL])
        command = _mosquitto(home) if kind == "mosquitto" else _aedes(home, modules)
        home.private_folder("state")
        if not (home.path / "passwords").exists():
            home.write("passwords", "")
        kept = (home.path / "acl").read_text() if (home.path / "acl").exists() else ""
        home.write("acl", _access_rules(services, watchers, topic_root) + "".join(kept.partition(_GROUPS)[1:]))
        log = data_dir.resolve() / f"{kind}.log"
        (home.path / _KIND).write_text(kind)
        public = None if tls is None else _public_port(home, tls)
        for candidate in [port] if port else _candidate_ports(home.path / _PORT):
            configuration = _configuration if kind == "mosquitto" else _aedes_settings
            home.write(_CONFIGURATIONS[kind], configuration(home.path, candidate, limits or Limits(), tls, public))
            refusal = _serve(command, home, log, deadline)
            if refusal and "Address already in use" not in refusal and _set_aside_state(home.path):
                _LOG.warning("Mosquitto did not start (%s): starting without its old state", refusal)
                refusal = _serve(command, home, log, deadline)
            if refusal is None:
                (home.path / _PORT).write_text(str(candidate))
                if public is not None:
                    (home.path / _PUBLIC_PORT).write_text(str(public))
                return attach(data_dir)
            if "Address already in use" not in refusal:
                raise StartError(f"{kind.title()} did not start in {home.path}: {refusal}; its log: {log}")
        raise StartError(f"port {port} on loopback is taken: end the program that uses it, or name another port")


def known_port(data_dir: Path) -> int | None:
    """Return the port that terminals of `data_dir` know; none where no broker ran there."""
    home = homes.known_home(data_dir)
    return _written(home / _PUBLIC_PORT) if home else None


def keep_port(data_dir: Path, port: int) -> None:
    """Let the first start in `data_dir` try the port that terminals know already."""
    with homes.opened(data_dir, *ACCOUNTS) as home:
        (home.path / _PUBLIC_PORT).write_text(str(port))


def _written(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (FileNotFoundError, ValueError):
        return None


def attach(data_dir: Path) -> ChildBroker:
    """Return the broker that was started in `data_dir`, to apply identities from another process.

    Raises
    ------
    StartError
        None was ever started there.
    """
    home = homes.known_home(data_dir)
    port = _written(home / _PORT) if home else None
    if home is None or port is None:
        raise StartError(f"no broker was started in {data_dir}: run `evenhand serve`, or set EVENHAND_BROKER_URL")
    return ChildBroker(data_dir.resolve(), home, port, _written(home / _PUBLIC_PORT), _kind_in(home))


def _kind_in(home: Path) -> Kind:
    """Return which program serves in a home; those of before this was written down were all Mosquitto."""
    try:
        return "aedes" if (home / _KIND).read_text() == "aedes" else "mosquitto"
    except FileNotFoundError:
        return "mosquitto"


def remove_broker(data_dir: Path) -> None:
    """End the broker of `data_dir` and remove it with all that belongs to it, wherever it lies."""
    homes.remove(data_dir)


def _mosquitto(home: homes.Home) -> list[str | Path]:
    found = shutil.which("mosquitto", path=os.pathsep.join([os.environ.get("PATH", ""), *PLACES]))
    if found is None:
        raise StartError(
            "Mosquitto is not installed: run `make setup`, or set EVENHAND_BROKER_URL to a broker of yours"
        )
    version = re.search(r"mosquitto version (\d+)", run([found, "-h"], home.account, timeout_s=10)[1])
    if version is None:
        raise StartError(f"{found} cannot run: reinstall Mosquitto, or set EVENHAND_BROKER_URL")
    if int(version[1]) < OLDEST_MAJOR:
        raise StartError(f"{found} is version {version[1]}: install 2.0 or later, or set EVENHAND_BROKER_URL")
    return [found, "-c", home.path / _CONFIGURATIONS["mosquitto"]]


def why_no_aedes(modules: Path | None, account: Account | None = None) -> str | None:
    """Return what keeps Aedes from running here, and what to do; None: nothing."""
    node = shutil.which("node")
    if node is None:
        return "Node.js is not installed: install it, or use Mosquitto"
    if modules is None:
        return "EVENHAND_BROKER_MODULES names no folder: run `npm install aedes`, and name its node_modules there"
    if run([node, "-e", "require('fs').readFileSync(process.argv[1])", modules / _AEDES], account)[0]:
        who = "we" if account is None else account.name
        return f"{who} cannot read Aedes in {modules}: run `npm install aedes`, where every user may pass"
    return None


def _aedes(home: homes.Home, modules: Path | None) -> list[str | Path]:
    refusal = why_no_aedes(modules, home.account)
    if refusal is not None or modules is None:
        raise StartError(str(refusal))
    shutil.copyfile(Path(__file__).parent / "aedes" / "broker.mjs", home.path / "broker.mjs")
    (home.path / "broker.mjs").chmod(0o644)
    home.write(_MODULES, str(modules.resolve()))
    return [str(shutil.which("node")), home.path / "broker.mjs", home.path / _CONFIGURATIONS["aedes"]]


def _aedes_settings(home: Path, port: int, limits: Limits, tls: Tls | None, public_port: int | None) -> str:
    told = {
        "modules": (home / _MODULES).read_text(),
        "port": port,
        "host": None if tls is None else tls.host,
        "public_port": public_port,
        "packet_bytes": limits.packet_bytes,
        "inflight_messages": limits.inflight_messages,
    }
    return json.dumps(told, indent=1)


def _serve(command: Sequence[str | Path], home: homes.Home, log: Path, deadline: float) -> str | None:
    """Start the broker and wait until it listens; return what kept it from that."""
    broker = spawn(
        command,
        home=home.path,
        account=home.account,
        log=log,
        death_signal=signal.SIGTERM,
    )
    listening = re.compile(r"(mosquitto version \S+|aedes) running")
    until(
        lambda: broker.has_ended() or listening.search(broker.said()) is not None,
        deadline - time.monotonic(),
    )
    said = broker.said()
    if not broker.has_ended() and listening.search(said):
        return None
    stop(home.path, [signal.SIGTERM, signal.SIGKILL], patience_s=2)
    errors = [line.partition(": ")[2] for line in said.splitlines() if "Error" in line]
    return " / ".join(errors) or f"it said {said.strip()[-200:]!r}"


def _set_aside_state(home: Path) -> bool:
    """Put the broker's stored sessions aside, which may be damaged and which nothing depends on."""
    state = home / "state" / "mosquitto.db"
    if not state.exists():
        return False
    state.replace(state.with_name("mosquitto.db.damaged"))
    return True


def _candidate_ports(written: Path) -> list[int]:
    last = _written(written)
    return ([] if last is None else [last]) + [port for port in random.sample(_PORTS, 40) if _is_free(port)]


def _public_port(home: homes.Home, tls: Tls) -> int:
    """Write down what TLS needs; return the port for it."""
    for name, text in (
        ("server.pem", tls.certificate),
        ("server.key", tls.key),
        ("authorities.pem", tls.authorities),
        ("revoked.pem", tls.revocations),
    ):
        home.write(name, text)
    return tls.port or next(port for port in _candidate_ports(home.path / _PUBLIC_PORT) if _is_free(port))


def _take_over(port: int, name: str, password: str) -> None:
    """End the live session of an identity, as every broker must: another session of the same client id takes over.

    Raises
    ------
    StartError
        The broker did not take the other session within some seconds; the live one may go on.
    """
    answers: queue.Queue[bool] = queue.Queue()
    deadline = time.monotonic() + TAKEN_OVER_WITHIN_S
    while time.monotonic() < deadline:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, reconnect_on_failure=False)
        client.username_pw_set(name, password)
        client.on_connect = lambda _client, _data, _flags, reason, _props: answers.put(not reason.is_failure)
        try:
            client.connect("127.0.0.1", port, keepalive=10)
            client.loop_start()
            taken = answers.get(timeout=TAKEN_OVER_WITHIN_S)
        except (OSError, queue.Empty):
            taken = False
        finally:
            client.disconnect()
            client.loop_stop()
        if taken:
            return
        time.sleep(0.05)  # the broker has not read the new passwords yet
    raise StartError(f"the session of {name} could not be ended")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _configuration(home: Path, port: int, limits: Limits, tls: Tls | None, public_port: int | None) -> str:
    written = _common(home, port, limits)
    return written if tls is None else written + _public_listener(home, tls.host, public_port)


def _public_listener(home: Path, host: str, port: int | None) -> str:
    return f"""
listener {port} {host}
cafile {home / "authorities.pem"}
certfile {home / "server.pem"}
keyfile {home / "server.key"}
crlfile {home / "revoked.pem"}
tls_version tlsv1.2
require_certificate true
use_identity_as_username true
use_username_as_clientid true
allow_zero_length_clientid false
set_tcp_nodelay true
"""


def _common(home: Path, port: int, limits: Limits) -> str:
    return f"""# Written at every start.
per_listener_settings false
allow_anonymous false
password_file {home / "passwords"}
acl_file {home / "acl"}

listener {port} 127.0.0.1
use_username_as_clientid true
allow_zero_length_clientid false
set_tcp_nodelay true

max_packet_size {limits.packet_bytes}
max_queued_messages {limits.queued_messages}
max_queued_bytes 0
max_inflight_messages {limits.inflight_messages}
max_keepalive {limits.keepalive_s}
queue_qos0_messages false

persistence true
persistence_location {home / "state"}
autosave_interval 60
persistent_client_expiration {limits.session_days}d

sys_interval {limits.status_interval_s}
log_dest stderr
log_type error
log_type warning
log_type notice
log_type information
connection_messages true
log_timestamp_format %Y-%m-%dT%H:%M:%SZ
"""


def _access_rules(services: Collection[str], watchers: Collection[str], root: str) -> str:
    lines = ["# Written at every start; %u is the authenticated identity."]
    for service in services:
        lines += [
            f"user {_checked_name(service)}",
            f"topic readwrite {root}/+/+/up/#",
            f"topic write {root}/+/+/down/#",
            f"topic write {root}/+/down/#",
            "topic read $SYS/#",
        ]
    for watcher in watchers:
        lines += [f"user {_checked_name(watcher)}", f"topic read {root}/+/+/up/#"]
    lines += [
        f"pattern write {root}/+/%u/up/#",
        f"pattern read {root}/+/%u/down/#",
        f"pattern read {root}/all/down/#",
    ]
    return "\n".join(lines) + "\n"


_GROUPS = "# Groups: who reads whose broadcasts.\n"


def _root_of(rules: str) -> str:
    found = re.search(r"^pattern read (\S+)/all/down/#$", rules, re.MULTILINE)
    if found is None:
        raise StartError("the broker's access rules are not ours: start it again")
    return found[1]


def _group_rules(groups: Mapping[str, str], root: str) -> str:
    lines = [_GROUPS]
    for name, group in sorted(groups.items()):
        if not _NAME.fullmatch(group) or group in RESERVED_NAMES:
            raise ValueError(f"{group!r} cannot be a group: 1 to 64 of a-z, 0-9 and '-', and not up, down or all")
        lines.append(f"user {_checked_name(name)}\ntopic read {root}/{group}/down/#\n")
    return "".join(lines)


def _password_lines(identities: Iterable[tuple[str, str]]) -> str:
    hashes: dict[str, str] = {}
    for name, secret_hash in identities:
        if _checked_name(name) in hashes:
            raise ValueError(f"identity {name!r} comes twice")
        if not _HASH.fullmatch(secret_hash):
            raise ValueError(f"the password hash of {name!r} is not in the form that password_hash makes")
        hashes[name] = secret_hash
    return "".join(f"{name}:{secret_hash}\n" for name, secret_hash in sorted(hashes.items()))


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name) or name in RESERVED_NAMES:
        raise ValueError(f"{name!r} cannot be an identity: 1 to 64 of a-z, 0-9 and '-', and not up, down or all")
    return name
