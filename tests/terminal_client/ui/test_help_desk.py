"""What a shop reads out when something is wrong: enrolment that fails in words, diagnostics, the licence's page."""

import socket
import ssl
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from till import Till
from werkzeug.test import Client

from contract.device_api import Enrolment, Licence
from contract.errors import Rejected
from contract.messages import OrderLine
from terminal_client.adapters import http, system
from terminal_client.core import commands, use_cases
from terminal_client.core.slips import Square
from terminal_client.ui import serve
from terminal_client.ui.pages import Pages
from terminal_client.ui.screens import diagnostics
from terminal_client.ui.web import Desk

OURS = {"Origin": "http://localhost"}


@pytest.fixture
def fresh(tmp_path: Path, make: Any) -> Any:
    """A terminal that nobody has enrolled."""
    till = Till(tmp_path / "terminal", make)
    yield till
    till.terminal.close()


def fails(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def enrol(*_words: object, **_more: object) -> Enrolment:
        raise error

    monkeypatch.setattr("terminal_client.app.enrol", enrol)


def enrol(till: Any, code: str = "K7QX-2M4P") -> str:
    return str(till.client.post("/enrol", data={"code": code}, headers=OURS).text)


# Enrolment


@pytest.mark.parametrize(
    ("why", "reached", "en", "zh"),
    [
        ("no_network", False, "No network: the way to 127.0.0.1:9 was not found", "没有网络"),
        (
            "no_answer",
            False,
            "does not answer. Check the network, then try again. The code was not looked at",
            "没有应答",
        ),
        ("no_answer", True, "if the code then counts as used, ask for a new one", "索取新登记码"),
        ("clock", False, "the clock is wrong", "时钟错了"),
        ("not_trusted", False, "cannot prove that it is the server", "无法证明"),
        ("not_ours", True, "a network&#39;s sign-in page", "登录页面"),
        ("other_version", True, "of different versions", "版本不一致"),
        (
            "busy",
            True,
            "Try again in a minute. The code was not looked at",
            "暂时无法应答",
        ),
    ],
)
def test_what_went_wrong_is_said_in_both_languages_and_the_code_stays(
    fresh: Any, monkeypatch: pytest.MonkeyPatch, why: http.Why, reached: Any, en: str, zh: str
) -> None:
    fails(monkeypatch, http.UnreachableError("", reached=reached, why=why))
    for language, words in (("en", en), ("zh", zh)):
        fresh.store.choose("language", language)
        page = enrol(fresh)
        assert words in page
        assert 'value="K7QX2M4P"' in page


@pytest.mark.parametrize(
    ("code", "words"),
    [("code_expired", "The code expired at"), ("code_used", "already used"), ("code_unknown", "There is no such code")],
)
def test_a_refused_code_stays_in_its_field(fresh: Any, monkeypatch: pytest.MonkeyPatch, code: str, words: str) -> None:
    fails(monkeypatch, Rejected(code, at="2027-03-21T11:45:00+00:00"))
    page = enrol(fresh)
    assert words in page
    assert 'value="K7QX2M4P"' in page


def test_another_language_keeps_what_was_typed_and_nothing_typed_asks_nobody(
    fresh: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = fresh.client.post("/enrol/language", data={"code": "K7Q", "language": "zh"}, headers=OURS)
    assert (chosen.status_code, chosen.headers["Location"]) == (303, "/enrol")
    assert fresh.client.get("/enrol/language").headers["Location"] == "/enrol"
    page = fresh.client.get("/enrol").text
    assert "这是哪家店" in page
    assert 'value="K7Q"' in page
    fails(monkeypatch, AssertionError("asked"))
    assert "请先输入或扫描登记码" in enrol(fresh, " - ")


def certificate(number: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError("no")
    error.verify_code = number
    return error


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (certificate(9), "clock"),
        (certificate(10), "clock"),
        (certificate(18), "not_trusted"),
        (socket.gaierror(-3, "no name"), "no_network"),
        (OSError(101, "no network"), "no_network"),
        (ConnectionRefusedError(), "no_answer"),
        (TimeoutError(), "no_answer"),
    ],
)
def test_each_fault_of_the_way_is_told_from_the_others(
    monkeypatch: pytest.MonkeyPatch, error: Exception, why: str
) -> None:
    def connect(_self: object) -> None:
        raise error

    monkeypatch.setattr("http.client.HTTPConnection.connect", connect)
    with pytest.raises(http.UnreachableError) as failed:
        http.enrol("http://127.0.0.1:9", "K7QX2M4P", csr="c", model="m", version="1")
    assert (failed.value.why, failed.value.reached) == (why, False)


# Diagnostics


NAMES = [
    "Shop",
    "Terminal",
    "Version",
    "Server",
    "Connection",
    "Last exchange",
    "Last error",
    "Waiting",
    "Waits longest",
    "Catalogue and news",
    "Clock",
    "Store and disk",
    "Printer",
    "Scanner",
    "PINs",
    "Distributor asked",
    "Update",
    "Photos waiting to be sent",
]


def facts(till: Any) -> dict[str, Any]:
    return {fact.name: fact for fact in diagnostics.facts(Desk(till.terminal, Pages(till.terminal)))}


def test_each_fact_keeps_its_number_also_before_enrolment(fresh: Any) -> None:
    assert [(fact.number, fact.name) for fact in facts(fresh).values()] == list(enumerate(NAMES, start=1))
    page = fresh.client.get("/diagnostics").text
    assert 'href="/enrol"' in page
    assert "http://127.0.0.1:9" in page


def test_no_number_shifts_when_photos_wait_and_much_was_asked(fresh: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [commands.Asked(UUID(int=n), "sync", {}, 1, False, 1, 1, "succeeded", "") for n in range(3)]
    monkeypatch.setattr(commands, "newest", lambda *_args: asked)
    monkeypatch.setattr("terminal_client.core.photos.count_waiting", lambda _store: 2)
    told = diagnostics.facts(Desk(fresh.terminal, Pages(fresh.terminal)))

    assert {fact.name: fact.number for fact in told} == {name: n for n, name in enumerate(NAMES, start=1)}
    assert (len(told), told[-1].says) == (len(NAMES) + 2, "2")


def test_before_enrolment_it_says_so_and_why_the_last_try_failed(fresh: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    web = serve.web(fresh.terminal)
    till_client = Client(web)
    known = {fact.name: fact.says for fact in diagnostics.facts(web.desk)}
    assert (known["Connection"], known["Last error"]) == ("Not enrolled yet", "none")
    fails(monkeypatch, Rejected("code_used", at="2027-03-21T11:45:00+00:00"))
    till_client.post("/enrol", data={"code": "K7QX2M4P"}, headers=OURS)
    known = {fact.name: fact.says for fact in diagnostics.facts(web.desk)}
    assert "already used" in known["Last error"]


def test_before_enrolment_the_settings_and_the_head_lead_to_the_code(fresh: Any) -> None:
    page = fresh.client.get("/settings").text
    assert page.count('href="/enrol"') == 2
    assert "/settings/try-now" not in page


def test_figures_claim_no_more_than_is_known(till: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "disk", lambda _folder: system.Disk(2_500_000, 73_218_000_000, "ext4"))
    known = facts(till)
    assert known["Store and disk"].says == "2.5 MB, 73.2 GB free, ext4"
    assert known["Clock"].says.endswith("± 1 s")


def test_what_waits_and_since_when_is_told(till: Any) -> None:
    assert facts(till)["Connection"].tone == "ok"
    till.wires.disconnect()
    use_cases.place_order(till.shop, till.window.window, [OrderLine(sku="GOLD", quantity_units=24)])
    told = facts(till)

    assert told["Waiting"].says == "1 saved here · 0 sent · 0 refused"
    assert told["Waits longest"].says.startswith("Order · ")
    assert told["Shop"].says.startswith("R-12 · ")


def test_a_clock_is_told_with_its_doubt(till: Any) -> None:
    till.clock.slow_ms = 90_000
    assert facts(till)["Clock"].says.startswith("90 s slow, ± ")
    assert facts(till)["Clock"].tone == "wait"


def test_the_square_and_the_paper_hold_every_number_and_no_secret(till: Any) -> None:
    made = diagnostics.slip(Desk(till.terminal, Pages(till.terminal)))
    square = made.parts[-1]
    assert isinstance(square, Square)

    assert [line.partition(" ")[0] for line in square.content.splitlines()] == [str(n + 1) for n in range(len(NAMES))]
    assert "PRIVATE" not in square.content + till.client.get("/diagnostics").text
    till.store.choose("printer", "file:slips.bin")
    assert till.client.post("/diagnostics", headers=OURS).status_code == 303
    till.terminal.wait_until(lambda: bool(till.paper.printed), deadline_s=30)
    assert till.paper.printed[0].subject == "diagnosis"


def test_a_store_in_memory_is_said_to_be_lost_at_night(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"overlay / overlay rw 0 0\n/dev/sda1 {tmp_path}/store ext4 rw 0 0\nshort\n", encoding="utf-8")
    for folder in ("store/terminal", "elsewhere"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "store/terminal/file").write_bytes(b"12345")
    kept, lost = (system.disk(tmp_path / folder, mounts) for folder in ("store/terminal", "elsewhere"))

    assert (kept.kind, kept.used_bytes, kept.in_memory) == ("ext4", 5, False)
    assert (lost.kind, lost.in_memory) == ("overlay", True)


# My licence and standing


def know(till: Any, **more: Any) -> None:
    till.server.reference = till.server.reference.model_copy(update={"version": "v2", **more})
    till.server.tell("reference", "reference", {"version": "v2"})
    till.hear()


def test_a_licence_that_ends_soon_is_said_on_its_page_and_among_the_notices(till: Any) -> None:
    today = till.server.now().date()
    last = today + timedelta(days=9)
    ending = Licence(licence_class="C", number="L-7", valid_from=date(2026, 1, 1), valid_until=last)
    know(till, licences=(ending,))
    page = till.client.get("/licence").text

    assert "Good standing." in page
    assert "Ends in 10 days." in page
    assert "L-7" in page
    assert "The licence of class C ends in 10 days" in till.client.get("/notices").text


def test_a_suspended_shop_reads_why(till: Any) -> None:
    know(till, standing="suspended", standing_reason="inspection of 3 March", licences=())
    page = till.client.get("/licence").text

    assert "No order of this shop is taken: inspection of 3 March." in page
    assert "1 item cannot be ordered: no licence of this class is valid today." in page
    assert "The licence of class" not in till.client.get("/notices").text
