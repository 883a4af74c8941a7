"""The acts of a play, in their order; everything goes through what the outside has.

Two people at the distributor work by HTTP, the shops by their terminals. The figures of the end are read
where they stand: in the shops' stores, in the server's answers, in the published files.
"""

import contextlib
import io
import json
import random
import statistics
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

from evenhand.demo import weights
from evenhand.demo.setting import Setting
from evenhand.demo.shops import DISCREPANCIES, Shop, Shops, open_shops
from firmware_sim.stage import BusyError, Person, Stage, StageError

ANSWER_WITHIN_S = 300.0
DISCREPANT_SHARE = 6
GRACE_S = 1
LOOK_AROUND_S = 15 * 60.0
"""How long the window is open in which whoever looks around can order."""
OPENS_IN_S = 0.5
POLICY = "fair share within limits"
PLAIN_POLICY = ("fair share", 'fairness = "line"\nrule = "max_min"\nrounding = "webster"\n')

SURVEY: dict[str, Any] = {
    "title": {"zh": "配送满意度", "en": "How was the delivery?"},
    "intro": {"zh": "三个问题，一分钟。", "en": "Three questions, one minute."},
    "audience": {"regions": [], "routes": [], "tiers": []},
    "questions": [
        {
            "id": "time",
            "kind": "single",
            "text": {"zh": "什么时间送到最合适？", "en": "When should goods arrive?"},
            "required": True,
            "choices": [
                {"id": "early", "text": {"zh": "十点前", "en": "Before ten"}},
                {"id": "noon", "text": {"zh": "中午", "en": "Around noon"}},
                {"id": "late", "text": {"zh": "下午", "en": "In the afternoon"}},
            ],
        },
        {
            "id": "fair",
            "kind": "scale",
            "text": {"zh": "分配是否公平？", "en": "How fair was the sharing?"},
            "required": True,
            "low": 1,
            "high": 5,
        },
        {
            "id": "words",
            "kind": "text",
            "text": {"zh": "还想告诉我们什么？", "en": "Anything else?"},
            "required": False,
        },
    ],
}
NOTICE: dict[str, Any] = {
    "sort": "notice",
    "title": {"zh": "本周紧俏货源按公平分配", "en": "Scarce goods are shared fairly this week"},
    "body": {
        "zh": "多报不会多得。分配结果、理由和抽签的种子在公布后都能在终端上核对。",
        "en": "Asking for more gets nobody more. Grants, reasons and the draw's seed can be checked on the terminal.",
    },
    "audience": {"regions": [], "routes": [], "tiers": []},
    "expires_at": None,
    "must_acknowledge": False,
}


class View(Protocol):
    """Who watches the play."""

    def act(self, name: str, total: int) -> Callable[[int], None]:
        """Begin an act of ``total`` steps; the answer is told how many are done."""
        ...

    def done(self, text: str) -> None:
        """End the act with what came of it."""
        ...


@dataclass
class Figures:
    """What is said at the end; every figure is read from where it stands."""

    retailers: int = 0
    terminals: int = 0
    orders: int = 0
    receipts: int = 0
    lines: int = 0
    requested: int = 0
    supply: int = 0
    granted: int = 0
    verified: bool = False
    released_by: str = ""
    delivered: int = 0
    confirmed: int = 0
    claims: int = 0
    duplicates: int = 0
    answered: int = 0
    more: dict[str, Any] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """Return the figures as one flat object."""
        own = {name: value for name, value in vars(self).items() if name != "more"}
        return own | self.more


@dataclass
class Play:
    """One play on one stage."""

    stage: Stage
    setting: Setting
    view: View
    folder: Path
    seed: int
    figures: Figures = field(default_factory=Figures)
    shops: Shops | None = None
    _window: str = ""
    _window_s: float = 0.0
    _policy_version: int = 0
    _planner: Person | None = None
    _closes_at: datetime = field(default_factory=lambda: datetime.max.replace(tzinfo=UTC))
    _survey: str = ""
    _scores: weights.Status = field(default_factory=dict)

    def run(self) -> Figures:
        """Play all acts; return the figures."""
        planner = self._planner = self.stage.sign_in("planner", "planner")
        releaser = self.stage.sign_in("second person", "releaser")
        self._bring_in(planner)
        forecast = weights.ask_forecast(planner) if self._has_history else None
        shops = self._enrol(planner)
        self._ask_and_announce(planner)
        if forecast is not None:
            self._forecast(planner, shops, forecast)
            self._score(planner, releaser)
        cycle = self._announce_cycle(planner)
        self._order(shops, planner, cycle)
        self._bring_in_later(planner)
        self._wait_for_result(planner, cycle)
        # A real ledger names no credit, so that nothing would be different without limits.
        what_if = self._ask_what_if(planner, cycle) if self.setting.rows is None else None
        self._release(planner, releaser, cycle)
        self._check_published(planner, cycle)
        self._see_grants(shops, cycle)
        self._deliver(planner, shops, cycle)
        self._answer(planner, shops)
        if what_if is not None:
            self._read_what_if(planner, what_if)
        self._count(planner, shops, cycle)
        return self.figures

    @property
    def _has_history(self) -> bool:
        return any(one.kind == "history" for one in self.setting.lists)

    def _bring_in(self, planner: Person) -> None:
        told = self.view.act("Lists are brought in", len(self.setting.lists))
        taken = refused = 0
        for number, one in enumerate(self.setting.lists, start=1):
            files: dict[str, Any] = {"file": (one.name, one.content, "text/csv")}
            if one.mapping:
                files["mapping"] = ("mapping.toml", one.mapping.encode(), "application/toml")
            report = planner.post(f"/api/v1/imports/{one.kind}", files=files)
            if report["rows_refused"]:
                first = report["refused"][0]
                self.figures.more.setdefault("list_rows_refused", []).append({one.name: first})
            taken, refused = taken + report["rows_taken"], refused + report["rows_refused"]
            told(number)
        self.view.done(f"{taken:,} rows taken, {refused} refused")

    def _bring_in_later(self, planner: Person) -> None:
        """Bring in what becomes known while the window is open, such as shops that paid late."""
        for one in self.setting.later:
            planner.post(f"/api/v1/imports/{one.kind}", files={"file": (one.name, one.content, "text/csv")})

    def _ask_what_if(self, planner: Person, cycle: UUID) -> str:
        """Ask what the cycle would have been without its limits; it is worked out while the play goes on."""
        name, text = PLAIN_POLICY
        plain = planner.post("/api/v1/policies", {"name": name, "text": text, "reason": "to compare with"})
        own = planner.get(f"/api/v1/cycles/{cycle}")["policy"].rpartition(" v")
        asked = {
            "first": {"name": own[0], "version": int(own[2])},
            "second": {"name": name, "version": plain["version"]},
        }
        return str(planner.post(f"/api/v1/cycles/{cycle}/what-ifs", asked)["id"])

    def _read_what_if(self, planner: Person, what_if: str) -> None:
        told = self.view.act("What if no limits held across lines?", 1)
        deadline = time.monotonic() + ANSWER_WITHIN_S
        while (status := planner.get(f"/api/v1/what-ifs/{what_if}"))["state"] in {"waiting", "working"}:
            if time.monotonic() > deadline:
                raise StageError("the what-if is not done in time")
            time.sleep(0.1)  # between two looks
        if status["state"] != "done":
            raise StageError(f"the what-if could not be worked out: {status['trouble']}")
        told(1)
        figures = status["figures"]
        moved, sides = figures["retailers"], (figures["a"], figures["b"])
        self.figures.more["what_if"] = f"{self.stage.url}/console/policies/what-ifs/{what_if}"
        fills = " and ".join(f"{side['totals']['granted']:,} units under {side['name']}" for side in sides)
        self.view.done(f"{fills}; {moved['gaining']} shops would gain, {moved['losing']} lose")

    def _enrol(self, planner: Person) -> Shops:
        ordering = sorted(self.setting.wants.keys() - self.setting.silent)
        told = self.view.act("Terminals are enrolled", len(ordering))
        started = time.monotonic()
        issued = planner.post("/api/v1/devices/codes", {"retailers": ordering})
        codes = {one["retailer"]: one["code"] for one in issued}
        shops = open_shops(
            self.stage.url,
            codes,
            self.setting.wants,
            real=min(self.setting.real_terminals, len(ordering)),
            folder=self.folder / "terminals",
            seed=self.seed,
        )
        self.shops = shops
        shops.start()
        # A slow or busy machine shows here; its shops get a longer window from the start, and more while they order.
        self._window_s = max(self.setting.window_s, time.monotonic() - started)
        told(len(ordering))
        self.view.done(f"{len(shops.real)} whole terminals and {len(shops.fleet.devices)} at the wire")
        self.figures.terminals = shops.count
        self.figures.retailers = len(self.setting.wants)
        return shops

    def _forecast(self, planner: Person, shops: Shops, number: int) -> None:
        begun = weights.forecast_when(planner, number, lambda status: status["series"] > 0)
        told = self.view.act("What the shops are going to sell is forecast", begun["series"])

        def looked(status: weights.Status) -> bool:
            told(status["series_done"])
            return False

        status = weights.forecast_when(planner, number, looked)
        said = weights.talk_over(planner, shops.real[0])
        self.view.done(f"{status['series']:,} series from before {status['cut_off'][:7]}; {said}")

    def _score(self, planner: Person, releaser: Person) -> None:
        told = self.view.act("Scores are computed, a second person publishes", 2)
        draft = weights.make_scores(planner)
        told(1)
        published = self._scores = weights.publish_scores(releaser, draft["number"])
        told(2)
        changed = len(published["guards"]["changes"])
        self.view.done(
            f"{published['retailers']:,} shops from {len(published['components'])} components, {changed} weights "
            f"changed by the guards; asked for by {published['asked_by']}, published by {published['published_by']}"
        )

    def _ask_and_announce(self, planner: Person) -> None:
        now = datetime.now(UTC)
        notice = planner.post("/api/v1/announcements", NOTICE)["id"]
        planner.post(f"/api/v1/announcements/{notice}/publish")
        times = {"opens_at": now.isoformat(), "closes_at": (now + timedelta(days=7)).isoformat()}
        survey = planner.post("/api/v1/surveys", SURVEY | times)["id"]
        planner.post(f"/api/v1/surveys/{survey}/publish")
        self._survey = survey

    def _announce_cycle(self, planner: Person) -> UUID:
        told = self.view.act("The cycle is announced", 1)
        policy = planner.post(
            "/api/v1/policies",
            {"name": POLICY, "text": self.setting.policy, "reason": "the distributor's limits"},
        )
        self._policy_version = policy["version"]
        names = self.setting.name_zh, self.setting.name_en
        cycle = self._open_window(planner, *names, week=datetime.now(UTC).date(), open_for_s=self._window_s)
        status = planner.get(f"/api/v1/cycles/{cycle}")
        told(1)
        self.view.done(f"secret committed {status['commitment'][:12]}…, policy {status['policy']}, closes in seconds")
        return cycle

    def open_next(self) -> datetime:
        """Announce the next week's cycle, for whoever looks around; return until when its window is open."""
        week = datetime.now(UTC).date() + timedelta(days=7)
        if self._planner is None:
            raise StageError("the play has not begun")
        self._open_window(
            self._planner, self.setting.next_zh, self.setting.next_en, week=week, open_for_s=LOOK_AROUND_S
        )
        return self._closes_at

    def _open_window(self, planner: Person, name_zh: str, name_en: str, *, week: date, open_for_s: float) -> UUID:
        """Make a cycle by the play's policy, release its supply and announce its one window."""
        made = planner.post(
            "/api/v1/cycles",
            {
                "name_zh": name_zh,
                "name_en": name_en,
                "week": week.isoformat(),
                "grace_s": GRACE_S,
                "policy": POLICY,
                "policy_version": self._policy_version,
            },
        )
        cycle = UUID(made["id"])
        lines = [dict(row) for row in self.setting.supply]
        planner.post(f"/api/v1/cycles/{cycle}/supply", {"reason": "first release", "lines": lines})
        opens = datetime.now(UTC) + timedelta(seconds=OPENS_IN_S)
        self._closes_at = opens + timedelta(seconds=open_for_s)
        planned = planner.post(
            f"/api/v1/cycles/{cycle}/windows",
            {"route": "*", "opens_at": opens.isoformat(), "closes_at": self._closes_at.isoformat()},
        )
        self._window = planned["id"]
        planner.post(f"/api/v1/cycles/{cycle}/announce")
        return cycle

    def _order(self, shops: Shops, planner: Person, cycle: UUID) -> None:
        told = self.view.act("Shops order, amend, go offline, repeat", shops.count)

        def watched(count: int) -> None:
            told(count)
            if count < shops.count:
                self._keep_open(planner, cycle)

        shops.order(watched)
        median_ms = statistics.median(shops.ledger.latencies_ms or [0.0])
        self.view.done(f"every order has its receipt; at the wire in {median_ms:.0f} ms (median)")

    def _keep_open(self, planner: Person, cycle: UUID) -> None:
        """Let the window close later while shops are still ordering, as a planner would on a day of trouble.

        Early, because the shops must hear of it before the close that they know: on a busy machine that takes long.
        """
        now = datetime.now(UTC)
        if now < self._closes_at - timedelta(seconds=self._window_s / 2):
            return
        later = now + timedelta(seconds=self._window_s)
        with contextlib.suppress(BusyError):  # the next look asks again
            planner.post(
                f"/api/v1/cycles/{cycle}/windows/{self._window}/postpone",
                {"closes_at": later.isoformat(), "reason": "shops are still ordering"},
            )
            self._closes_at = later

    def _wait_for_result(self, planner: Person, cycle: UUID) -> None:
        told = self.view.act("The window closes; frozen, solved, checked", 4)
        marks = {"closed": 1, "frozen": 2, "solved": 3, "verified": 4}
        status = self._until(planner, cycle, {"verified"}, lambda s: told(marks.get(s["state"], 0)))
        run, figures = status["run"], status["figures"]
        told(4)
        book = run["input_sha256"][:12]
        self.view.done(f"{figures['lines']:,} lines in {run['solving_ms']} ms, book {book}…, the checker agrees")

    def _release(self, planner: Person, releaser: Person, cycle: UUID) -> None:
        told = self.view.act("A second person releases", 2)
        planner.post(f"/api/v1/cycles/{cycle}/send-for-release")
        told(1)
        releaser.post(f"/api/v1/cycles/{cycle}/release")
        status = self._until(planner, cycle, {"published"}, lambda _: None)
        told(2)
        self.figures.released_by = status["released_by"]
        self.view.done(f"sent by {status['sent_by']}, released by {status['released_by']}, published")

    def _check_published(self, planner: Person, cycle: UUID) -> None:
        """Unpack what is published and let the verifier of the command read it, in a process of its own."""
        told = self.view.act("An outsider re-checks the published files", 1)
        packed = planner.http.get(f"/api/v1/cycles/{cycle}/export.zip")
        packed.raise_for_status()
        published = self.folder / "published"
        with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
            archive.extractall(published)
        checked = subprocess.run(
            [sys.executable, "-m", "evenhand", "verify", str(published / "problem"), str(published / "result")],
            capture_output=True,
            text=True,
            check=False,
        )
        self.figures.verified = checked.returncode == 0
        self.figures.more["published"] = str(published)
        told(1)
        said = (checked.stdout or checked.stderr).strip().splitlines()
        self.view.done(said[-1] if said else f"exit {checked.returncode}")
        if not self.figures.verified:
            raise StageError(f"the published files do not verify: {said[-1] if said else checked.returncode}")
        policy = json.loads((published / "result" / "certificate.json").read_text(encoding="utf-8"))["policy"]
        if policy.get("score_version") != self._scores.get("score_version"):
            raise StageError(f"the certificate names other scores than those in force: {policy.get('score_version')}")
        self.figures.more |= {name: policy.get(name) for name in ("score_version", "forecast_version")}

    def _see_grants(self, shops: Shops, cycle: UUID) -> None:
        told = self.view.act("Every terminal shows what it got, and why", len(shops.real))
        seen = [one for one in shops.each(lambda shop: shop.see_grants(cycle), told) if isinstance(one, tuple)]
        asked, granted = (sum(one[place] for one in seen) for place in (0, 1))
        said = f"on {len(shops.real)} screens {granted:,} of {asked:,} units"
        if self._scores:
            run = self._scores["number"]
            tiers = [one for one in shops.each(lambda shop: shop.see_score(run), told) if isinstance(one, int)]
            said += f", and scores of tiers {min(tiers)} to {max(tiers)}"
        self.view.done(said)

    def _deliver(self, planner: Person, shops: Shops, cycle: UUID) -> None:
        told = self.view.act("Goods go out and are confirmed", len(shops.real))
        planner.post("/api/v1/deliveries/dispatch", {"cycle": str(cycle)})
        rng = random.Random(self.seed)  # noqa: S311 - a play, not a secret
        odd = {shop.code: rng.choice(DISCREPANCIES) for shop in shops.real[::DISCREPANT_SHARE]}

        def confirm(shop: Shop) -> int:
            return shop.confirm(odd.get(shop.code))

        shops.each(confirm, told)
        totals = planner.get("/api/v1/deliveries/totals", cycle=str(cycle))
        self.figures.delivered = totals["deliveries"]
        self.figures.confirmed = totals["confirmed"]
        self.figures.claims = totals["claims"]
        self.view.done(
            f"{totals['deliveries']} deliveries, {totals['confirmed']} confirmed, {totals['claims']} claims opened"
        )

    def _answer(self, planner: Person, shops: Shops) -> None:
        told = self.view.act("A notice is read, a survey answered", len(shops.real))
        rng = random.Random(self.seed)  # noqa: S311 - a play, not a secret
        shops.each(lambda shop: shop.read_and_answer(rng), told)
        results = planner.get(f"/api/v1/surveys/{self._survey}/results")
        self.figures.answered = results["survey"]["answered"]
        self.view.done(f"{results['survey']['answered']} answers of {results['survey']['invited']} invited")

    def _count(self, planner: Person, shops: Shops, cycle: UUID) -> None:
        """Balance the shops' receipts against the server's rows."""
        rows = planner.every("/api/v1/orders", cycle=str(cycle))
        ids = {UUID(row["id"]) for row in rows}
        accepted = shops.accepted_orders()
        status = planner.get(f"/api/v1/cycles/{cycle}")["figures"]
        self.figures.orders = len(rows)
        self.figures.receipts = len(accepted)
        self.figures.duplicates = len(rows) - len(ids & accepted)
        self.figures.lines = status["lines"]
        self.figures.requested = status["requested_units"]
        self.figures.supply = status["supply_units"]
        self.figures.granted = status["granted_units"]
        fills = {tier["label"]: tier["granted_units"] / tier["requested_units"] for tier in status["tiers"]}
        self.figures.more |= {
            "tiers": len(fills),
            "fill_by_tier": {label: round(fill, 3) for label, fill in fills.items()},
        }
        if self.setting.rows is not None:
            self.figures.more |= {
                "rows_read": self.setting.rows.read,
                "rows_taken": self.setting.rows.taken,
                "rows_refused": self.setting.rows.refused,
            }

    def _until(
        self, planner: Person, cycle: UUID, states: set[str], told: Callable[[dict[str, Any]], None]
    ) -> dict[str, Any]:
        deadline = time.monotonic() + ANSWER_WITHIN_S + self._window_s
        while time.monotonic() < deadline:
            status: dict[str, Any] = planner.get(f"/api/v1/cycles/{cycle}")
            told(status)
            if status["state"] in states:
                return status
            if status["trouble"]:
                raise StageError(f"the cycle stopped at {status['state']}: {status['trouble']['text']}")
            time.sleep(0.2)
        raise StageError(f"the cycle still stands at {status['state']}")
