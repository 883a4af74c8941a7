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

from evenhand.demo import asking, offices, rolling, rounds, weights
from evenhand.demo.setting import Setting
from evenhand.demo.shops import DISCREPANCIES, Shop, Shops, open_shops
from evenhand.demo.waiting import Status
from firmware_sim.stage import BusyError, Person, Stage, StageError

ANSWER_WITHIN_S = 300.0
DISCREPANT_SHARE = 6
GRACE_S = 1
MANAGER = "manager"
"""Who visits the shops."""
INSPECTOR = "inspector"
"""Who keeps the licence files."""
ORDERING_ONE_IN = 2
"""Which of the whole terminals order in the window in which whoever looks around can order."""
LOOK_AROUND_S = 15 * 60.0
"""How long the window is open in which whoever looks around can order."""
OPENS_IN_S = 0.5
POLICY = "fair share within limits"
PLAIN_POLICY = ("fair share", 'fairness = "line"\nrule = "max_min"\nrounding = "webster"\n')

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

TRAINING: dict[str, Any] = {
    "sort": "notice",
    "title": {"zh": "零售户培训：看懂分配理由", "en": "Training: reading the reasons of a grant"},
    "body": {
        "zh": "讲解终端上的分配理由和申诉办法。名额有限，请在终端上报名。",
        "en": "What the reasons on the terminal mean, and how to appeal. Places are limited: register on the terminal.",
    },
    "pinned": True,
    "invitation": {
        "sort": "training",
        "place": {"zh": "配送中心二楼", "en": "Depot, second floor"},
        "places": 4,
    },
}


class View(Protocol):
    """Who watches the play."""

    def act(self, name: str, total: int) -> Callable[[int], None]:
        """Begin an act of ``total`` steps; the answer is told how many are done."""
        ...

    def done(self, text: str) -> None:
        """End the act with what came of it."""
        ...


DECIDED = {
    "answer_zh": "按公布的规则和权重分配，数字见所附说明。",
    "answer_en": "It was shared out by the published rule and weights; the numbers are attached.",
    "decision": "dismissed",
    "close": True,
}
"""How the planner answers the grant that is disputed."""


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
    sampled: int = 0
    coming: int = 0
    planned_stops: int = 0
    visits: int = 0
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
    _asked: dict[str, str] = field(default_factory=dict)
    _training: str = ""
    _scores: Status = field(default_factory=dict)

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
        self._keep_offices(planner)
        cycle = self._announce_cycle(planner)
        self._order(shops, planner, cycle)
        self._bring_in_later(planner)
        self._wait_for_result(planner, cycle)
        # A real ledger names no credit, so that nothing would be different without limits.
        what_if = self._ask_what_if(planner, cycle) if self.setting.rows is None else None
        self._release(planner, releaser, cycle)
        # The shops of a real ledger have no place, so that there is nowhere to go.
        plan = self._ask_visits(planner) if self.setting.rows is None else None
        self._check_published(planner, cycle)
        self._see_grants(shops, cycle)
        self._hear(planner, shops, cycle)
        self._deliver(planner, shops, cycle)
        self._answer(planner, shops)
        if plan is not None:
            self._visit(planner, plan)
        if what_if is not None:
            self._read_what_if(planner, what_if)
        self._count(planner, shops, cycle)
        self._roll_out(shops)
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
            planner,
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

        def looked(status: Status) -> bool:
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
        starts_at = now + timedelta(days=10)
        invitation = TRAINING["invitation"] | {
            "starts_at": starts_at.isoformat(),
            "ends_at": (starts_at + timedelta(hours=2)).isoformat(),
        }
        training = planner.post("/api/v1/announcements", TRAINING | {"invitation": invitation})["id"]
        planner.post(f"/api/v1/announcements/{training}/publish")
        self._training = training
        times = {"opens_at": now.isoformat(), "closes_at": (now + timedelta(days=7)).isoformat()}
        # The sample is asked first: a shop that has the survey of everyone has the other one too, or never gets it.
        sample = asking.MARKET["sample"] | {"size": max(2, self.figures.retailers // 2)}
        for name, body in (("market", asking.MARKET | {"sample": sample}), ("survey", asking.SURVEY)):
            survey = planner.post("/api/v1/surveys", body | times)["id"]
            self._asked[name] = survey
            planner.post(f"/api/v1/surveys/{survey}/publish")

    def _keep_offices(self, planner: Person) -> None:
        told = self.view.act("Goods come in, licence files are opened", 2)
        skus = offices.stock(planner, self.setting.supply)
        told(1)
        said = f"{skus} SKUs in stock, a count waits for a second person"
        if self.setting.rows is None:  # in a real ledger every store holds the one licence that there is
            files = offices.licensing(planner, self.stage.sign_in(INSPECTOR, "inspector"))
            said += "; licence files " + " and ".join(f"#{number}" for number in files)
        told(2)
        self.view.done(said)

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

    def order_next(self) -> int:
        """Let some shops order in the window that :meth:`open_next` opened; return how many have a receipt."""
        if self.shops is None:
            raise StageError("the play has not begun")
        return self.shops.order_again(self.shops.real[1::ORDERING_ONE_IN])

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

    def _hear(self, planner: Person, shops: Shops, cycle: UUID) -> None:
        told = self.view.act("A grant is disputed and decided", 2)
        disputed = shops.real[0].complain(cycle, "second person")
        told(1)
        place = f"/api/v1/feedback/{disputed}"
        planner.post(f"{place}/answer", DECIDED)
        told(2)
        decided = planner.get(place)
        self.view.done(f"#{decided['number']} {decided['decision']}; one about an employee, one without a name")

    def _answer(self, planner: Person, shops: Shops) -> None:
        told = self.view.act("Notices are read, surveys are answered", len(shops.real))
        shops.real[0].come_to(UUID(self._training))
        rng = random.Random(self.seed)  # noqa: S311 - a play, not a secret
        everyone = UUID(self._asked["survey"])
        shops.each(lambda shop: shop.read_and_answer(everyone, rng), told)
        results, sample = (
            planner.get(f"/api/v1/surveys/{self._asked[name]}/results")["survey"] for name in ("survey", "market")
        )
        self.figures.answered, self.figures.sampled = results["answered"], sample["invited"]
        self.figures.more["market"] = f"{self.stage.url}/console/surveys/{self._asked['market']}"
        guests = planner.get(f"/api/v1/announcements/{self._training}/guests")
        coming = self.figures.coming = sum(guest["state"] == "registered" for guest in guests)
        self.figures.more["training"] = f"{self.stage.url}/console/announcements/{self._training}"
        self.view.done(
            f"{results['answered']} answers of {results['invited']} invited, {sample['answered']} of a sample of "
            f"{sample['invited']}; "
            f"shop {shops.real[0].code} comes to the training ({coming} of {len(guests)} invited)"
        )

    def _ask_visits(self, planner: Person) -> str:
        """Write rules of visits, and ask for a week's plan; it is made while the play goes on."""
        rounds.rule(planner)
        self.stage.sign_in(MANAGER, "manager")
        return rounds.ask(planner, [MANAGER], datetime.now(self.stage.settings.tz).date())

    def _visit(self, planner: Person, plan: str) -> None:
        manager = next(person for person in self.stage.people if person.name == MANAGER)
        told = self.view.act("A week of visits is planned, one is kept", 2)
        found = rounds.made(planner, plan)
        told(1)
        visit, call = rounds.keep(manager, found, datetime.now(self.stage.settings.tz))
        told(2)
        there = [stop for stop in found["stops"] if stop["day"]]
        self.figures.planned_stops = len(there)
        self.figures.visits = len(planner.every("/api/v1/visits"))
        self.figures.more["visit_plan"] = f"{self.stage.url}/console/visits/plans/{plan}"
        self.view.done(
            f"{len(there)} stops on {len({stop['day'] for stop in there})} days; visit #{visit} with a promise, "
            f"call #{call} to be made again"
        )

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

    def _roll_out(self, shops: Shops) -> None:
        """Roll a release out: it halts on the first failures, and goes on once they are mended."""
        devices = shops.fleet.devices[: rolling.MOST]
        if len(devices) < rolling.FEWEST:
            return
        told = self.view.act("A release is rolled out in rings", len(devices))
        keeper = self.stage.sign_in("fleet keeper", "fleet")
        second = self.stage.sign_in("second fleet keeper", "fleet")
        outcome = rolling.roll_out(keeper, second, devices)
        told(outcome.updated)
        self.view.done(
            f"halted after {outcome.failed} failed, {outcome.spared} not begun then; resumed, {outcome.updated} updated"
        )
        self.figures.more |= {
            "rollout": f"{self.stage.url}/console/rollouts/{outcome.rollout}",
            "rollout_terminals": outcome.terminals,
            "rollout_failed": outcome.failed,
            "rollout_spared": outcome.spared,
            "rollout_updated": outcome.updated,
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
