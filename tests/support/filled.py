"""A database in which something has happened everywhere: two shops, one whole cycle, a row in every table."""

from collections.abc import Mapping
from datetime import UTC, date, time, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pyotp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from devices import key_of
from factories import NOW, make_device, make_retailer, make_sku, make_window, place, publish_grants, send
from pictures import named, picture
from sqlalchemy import select
from sqlalchemy.orm import Session

from contract.device_api import Enrol, SayUnnamed
from contract.feed import Text
from contract.ids import uuid7
from contract.messages import (
    Answer,
    AnswerSurvey,
    ConfirmDelivery,
    ConfirmedLine,
    DisplayAnnouncement,
    MovedLine,
    MoveStock,
    ReadAnnouncement,
    RegisterForMeeting,
    ReportPresence,
    ReportStatus,
    SendFeedback,
)
from server.announcements import attached, meetings
from server.announcements import rules as announcement_rules
from server.announcements import service as announcements
from server.cycles import crediting, standing
from server.cycles.models import (
    Adjustment,
    Carry,
    Comparison,
    CreditRow,
    CycleSecret,
    CycleStep,
    PlannedWindow,
    PolicyChange,
    RouteSchedule,
    ScoreComparison,
    ShippedLine,
)
from server.deliveries import claiming, routing
from server.deliveries import queries as delivery_queries
from server.deliveries import service as deliveries
from server.devices import clones, enrolling
from server.devices import service as devices
from server.feedback import service as feedback
from server.feedback import setting as feedback_setting
from server.feedback import terms as feedback_terms
from server.feedback import unnamed as feedback_unnamed
from server.feedback.models import FeedbackEntryRow, FeedbackRow, RemedyRow
from server.fleet import alerts as fleet_alerts
from server.fleet import groups as fleet_groups
from server.fleet import history as fleet_history
from server.fleet import ruling as fleet_ruling
from server.fleet import watching as fleet_watching
from server.forecasts import service as forecasts
from server.forecasts.models import ForecastVersion, SeriesRow
from server.integrations import messages, tokens, webhooks
from server.integrations.posting import Allowed
from server.inventory import depot
from server.inventory import service as inventory
from server.inventory.models import StockTelling
from server.inventory.rules import Change
from server.keeping import shop_exports
from server.keeping.models import Erasure, RetentionRun
from server.kit import audit, audit_checking, audit_sealing, certificates, idempotency, leases, sealing, sent_forms
from server.kit.audit_chain import key_name
from server.kit.audit_keys import SigningKey
from server.kit.identity import SYSTEM, Actor, Operator, Sender
from server.kit.imports.drafts import ImportDraft
from server.kit.imports.reports import ImportReport
from server.kit.inbox import Arrival
from server.kit.outbox import Restoration
from server.licences import files as licence_files
from server.licences import notices as licence_notices
from server.licences.models import NoticeDay
from server.operators import passkeys, second_factor
from server.operators import service as operators
from server.operators.models import Passkey
from server.orders import reminding
from server.retailers import service as retailers
from server.rollouts import rules as rollout_rules
from server.rollouts import service as rollouts
from server.rollouts.audience import Target
from server.scores import decisions
from server.scores.models import AppealAnswerRow, AppealRow, CorrectionRow, ScorePolicyRow, ScoreRow, ScoreRun
from server.signals import queries as signal_queries
from server.signals import rules as signal_rules
from server.signals import service as signals
from server.steering import rules as steering_rules
from server.steering import service as steering
from server.surveys import market as survey_market
from server.surveys import queries as survey_queries
from server.surveys import rules as survey_rules
from server.surveys import service as surveys
from server.surveys.models import BallotRow
from server.visits import planning, plans, ruling
from server.visits import service as visits
from server.visits.models import PlanRow
from server.visits.shapes import KeptVisit

SHOPS = ("R1", "R2")
PLANNER = Operator(1, "planner-1", frozenset({"planner"}))
INSPECTOR = Operator(5, "inspector-1", frozenset({"inspector"}))
INSPECTOR = Operator(9, "inspector-1", frozenset({"inspector"}))
RELEASER = Operator(2, "releaser-1", frozenset({"releaser"}))
BOTH = {"zh": "一句话", "en": "A sentence"}


def fill(session: Session) -> None:
    """Let a cycle be ordered, granted, delivered, asked about and announced for two shops."""
    _people(session)
    make_sku(session, "K1", licence_class="tobacco")
    senders = {}
    for code in SHOPS:
        make_retailer(session, code, classes=["tobacco"], limits={"K1": 100})
        senders[code] = make_device(session, code)
        retailers.add_note(session, code, "call before noon", PLANNER, at=NOW)
        shop_exports.ask(session, code, "asked by letter", PLANNER, at=NOW)
        suspension = licence_files.Entry(code, "tobacco", "suspension", f"tobacco-{code}")
        licence_files.enter_file(session, suspension, "sold to minors", INSPECTOR, at=NOW, zone=UTC)
        ending = licence_notices.Notice(uuid7(), "tobacco", date(2027, 12, 31), 60)
        licence_notices.tell(session, date(2027, 12, 1), ending, NOW, urgent=False, at=NOW)
    session.add(NoticeDay(day=NOW.date(), asked_at=NOW, steps=[15, 60], done_at=NOW))
    [(_, code)] = devices.issue_codes(session, ["R1"], PLANNER, at=NOW)
    enrolling.ask(session, Enrol(code=code, csr=certificates.new_request(key_of("waiting"))), at=NOW)
    terminals = [sender.device for sender in senders.values()]
    steering.set_desired(session, terminals, {"size": steering_rules.Wanted("large", held=True)}, PLANNER, at=NOW)
    steering.issue(session, terminals, "sync", PLANNER, at=NOW, minutes=60)
    rollouts.propose(
        session,
        "a diagnosis of everyone",
        "diagnose",
        {},
        Target(),
        rollout_rules.Plan((rollout_rules.Ring("all", 100),), 60, 10, 5),
        PLANNER,
        at=NOW,
        device_minutes=60,
        deadline_hours=24,
    )
    leases.share(session, "ingest", "holder-1", total=4)
    _imports(session)
    _visits(session)
    _figures(session)

    window = make_window(session)
    said = Text(**BOTH)
    reminding.remind(session, window, reminding.Words(said, said), again=False, known=0, by=PLANNER, at=NOW)
    announcement = _announced(session)
    survey = _asked(session)
    for sender in senders.values():
        place(session, sender, window, K1=10)
        _heard(session, sender, announcement)
        answers = (Answer(question="why", text="because"),)
        send(session, sender, "survey.answer", AnswerSurvey(survey=survey, answers=answers))
        _say(session, sender)
    _fleet(session, senders)

    clones.tell(session, senders["R1"].device, ["192.0.2.1", "192.0.2.2"], "mqtt", at=NOW)
    _surveys(session, senders)
    cycle = publish_grants(session, {code: {"K1": 10} for code in SHOPS})
    _rest_of_the_cycle(session, cycle)
    _credited(session, cycle)
    _policy_change(session, cycle)
    _depot(session)
    _signals(session, cycle)
    session.add_all((StockTelling(day=NOW.date(), asked_at=NOW), Restoration(id=uuid7(), at=NOW, made_at=NOW)))
    session.add(RetentionRun(day=NOW.date(), asked_at=NOW))
    session.flush()
    session.add(Erasure(run=1, kind="photos", term_days=730, before=NOW, erased=0))
    _deliver(session, cycle, senders)
    _audit(session)
    session.flush()


def _promise(session: Session) -> None:
    """Say who is next when a complaint about goods is late."""
    zone = "Asia/Shanghai"
    said = feedback_terms.written(feedback_terms.usual(zone)) | {"chains": {"goods": [PLANNER.name, "administrator-3"]}}
    feedback_setting.set_terms(session, feedback_setting.made(zone, said), zone, PLANNER, at=NOW)
    unnamed = SayUnnamed(id=uuid7(), kind="question", category="other", words="who asks?", code_sha256="ab" * 32)
    feedback_unnamed.take(session, unnamed, at=NOW)


def _say(session: Session, sender: Sender) -> None:
    """Let a shop ask something that is answered, and complain of something that becomes late."""
    said = SendFeedback(kind="question", category="price", words="why?", photos=(named(picture()),))
    asked = send(session, sender, "feedback.send", said).message
    feedback.answer(session, asked, PLANNER, answer_zh="", answer_en="So.", close=True, at=NOW)
    send(session, sender, "feedback.send", SendFeedback(kind="complaint", category="goods", words="wet"))
    feedback.keep_time(session, NOW + timedelta(days=60))


def _credited(session: Session, cycle: UUID) -> None:
    """Let the answer to each shop's question be proposed with a credit, and the book take it and an appeal's in."""
    for (about, code), number in zip(
        session.execute(select(FeedbackRow.id, FeedbackRow.retailer).where(FeedbackRow.state == "closed")),
        (1, 2),
        strict=True,
    ):
        words = session.scalars(select(FeedbackEntryRow.id).where(FeedbackEntryRow.feedback == about)).first()
        made = uuid7()
        session.add(
            RemedyRow(
                id=made,
                feedback=about,
                retailer=code,
                units=5,
                answer=words,
                closes=True,
                author=PLANNER.name,
                at=NOW,
                state="confirmed",
                decided_by=RELEASER.name,
                decided_at=NOW,
            )
        )
        session.add(
            CreditRow(
                id=made,
                cycle=cycle,
                retailer=code,
                sku="K1",
                units=5,
                feedback=number,
                author=PLANNER.name,
                approver=RELEASER.name,
                approved_at=NOW,
            )
        )
        session.flush()
        part = crediting.Part(code, "K1", "feedback", made, number, 500, 10)
        crediting.take_in(session, cycle, [part], at=NOW)
    upheld = select(AppealAnswerRow.id, AppealRow.number, AppealRow.retailer).join(
        AppealRow, AppealRow.id == AppealAnswerRow.appeal
    )
    for answer, number, code in session.execute(upheld).all():
        part = crediting.Part(code, "K1", "appeal", answer, number, 500, 10)
        crediting.take_in(session, cycle, [part], at=NOW)


def _heard(session: Session, sender: Sender, announcement: UUID) -> None:
    """Let a shop see, confirm and follow an invitation."""
    shown = DisplayAnnouncement(announcement=announcement, displayed_at=NOW, version=1)
    send(session, sender, "announcement.displayed", shown)
    send(session, sender, "announcement.read", ReadAnnouncement(announcement=announcement, read_at=NOW))
    coming = RegisterForMeeting(announcement=announcement, coming=True, said_at=NOW)
    send(session, sender, "meeting.register", coming)
    code = sender.party
    meetings.take_attendance(session, announcement, code, attended=True, how="tick", operator=PLANNER, at=NOW)


def _asked(session: Session) -> UUID:
    question = {"id": "why", "kind": "text", "text": BOTH}
    survey = surveys.write_survey(
        session,
        survey_rules.Draft.model_validate(
            {
                "title": BOTH,
                "intro": BOTH,
                "questions": [question],
                "opens_at": NOW,
                "closes_at": NOW + timedelta(days=7),
            }
        ),
        PLANNER,
        at=NOW,
    )
    surveys.publish_survey(session, survey, PLANNER, at=NOW)
    return survey


def _announced(session: Session) -> UUID:
    announcement = announcements.write_announcement(
        session,
        announcement_rules.Draft.model_validate(
            {
                "sort": "notice",
                "title": BOTH,
                "body": BOTH,
                "invitation": {
                    "sort": "meeting",
                    "starts_at": NOW + timedelta(days=3),
                    "ends_at": NOW + timedelta(days=4),
                    "place": BOTH,
                },
            }
        ),
        PLANNER,
        at=NOW,
    )
    attached.attach(session, announcement, "picture.jpg", picture(), PLANNER, at=NOW)
    announcements.publish_announcement(session, announcement, PLANNER, at=NOW)
    return announcement


def _policy_change(session: Session, cycle: UUID) -> None:
    """Let another policy be proposed for a cycle, and declined."""
    by = {"reason": "fewer turns", "author": PLANNER.name, "actor": PLANNER.actor, "at": NOW}
    first = standing.default_policy(session, at=NOW)
    second = standing.write_policy(session, "another", 'rounding = "adams"\n', **by)
    session.add(
        PolicyChange(
            id=uuid7(),
            cycle=cycle,
            name=second.name,
            version=second.version,
            from_name=first.name,
            from_version=first.version,
            reason="fewer turns",
            author=PLANNER.name,
            proposed_at=NOW,
            state="declined",
            decided_by=RELEASER.name,
            decided_at=NOW,
            decided_why="not before the window opens",
        )
    )


def _signals(session: Session, cycle: UUID) -> None:
    """Let each shop stand out by itself, and a person say what that is."""
    signals.ask(session, cycle, at=NOW)
    one = {"shops": 1, "machine": "0123456789ab"}
    seen = [signal_rules.Finding("device", (shop,), one, {shop: {"asked_units": 10}}) for shop in SHOPS]
    signals.store(session, cycle, seen, shops=len(SHOPS), at=NOW)
    for found in signal_queries.findings(session)[0]:
        signals.say(session, found.number, "looked_at", "will ask them", INSPECTOR, at=NOW)


def _depot(session: Session) -> None:
    """Let goods come in and be counted; so many are missing that two persons say so."""
    depot.receive_goods(session, "K1", 1_000, "from the supplier", PLANNER, act=uuid7(), at=NOW)
    act = uuid7()
    depot.count_goods(session, "K1", 100, "a lorry is missing", PLANNER, act=act, at=NOW)
    depot.confirm_act(session, act, RELEASER, at=NOW)


def _deliver(session: Session, cycle: UUID, senders: dict[str, Sender]) -> None:
    """Let the goods of a cycle leave, be confirmed with a difference, and be sold."""
    deliveries.dispatch_cycle(session, cycle, PLANNER, at=NOW)
    routing.order_stops(session, "north", list(SHOPS), PLANNER, at=NOW)
    for delivery in delivery_queries.deliveries(session, cycle=cycle):
        line = ConfirmedLine(
            sku="K1", accepted_units=9, difference="short", difference_units=1, reason="a carton was missing"
        )
        confirmation = ConfirmDelivery(delivery=delivery.id, confirmed_at=NOW, lines=(line,))
        send(session, senders[delivery.retailer], "delivery.confirm", confirmation)
        depot.take_back(session, {"K1": 1}, delivery.id, at=NOW)
        cause = inventory.Cause("receipt", "delivery", delivery.id, SYSTEM)
        inventory.book(session, delivery.retailer, {"K1": Change(9, 0)}, cause, at=NOW)
        _decide(session, delivery.id)
        sold = MoveStock(kind="sale", moved_at=NOW, lines=(MovedLine(sku="K1", units=1),))
        send(session, senders[delivery.retailer], "stock.move", sold)


def _decide(session: Session, delivery: UUID) -> None:
    """Have the claim of a delivery made good by goods that leave later."""
    for claim in delivery_queries.claims(session):
        if claim.delivery == delivery:
            claiming.decide_claim(session, claim.id, "upheld", "so it is", PLANNER, remedy="replacement", at=NOW)


def _people(session: Session) -> None:
    for number, roles in enumerate((["planner"], ["releaser"], ["administrator"]), 1):
        operators.add_operator(session, f"{roles[0]}-{number}", roles, by=SYSTEM, at=NOW)
    root = Operator(3, "administrator-3", frozenset({"administrator"}))
    _promise(session)
    tokens.make(session, "erp", ["orders:read"], tokens.Bounds(), days=90, by=root, at=NOW)
    address = "https://erp.example/told"
    told, _ = webhooks.make(session, address, ["order.received"], Allowed(), by=root, at=NOW)
    messages.test(session, told, by=root, at=NOW)
    asked = idempotency.keyed("token:erp", "k1", address="POST /api/v1/claims", body_sha256=b"")
    idempotency.claim(session, asked, at=NOW)
    operators.make_link(session, "planner-1", ttl_s=900, by=SYSTEM, at=NOW)
    person = operators.open_session(session, "planner-1", remote="192.0.2.1", ttl_s=900, at=NOW).operator
    begun = second_factor.begin(session, person.id, issuer="Evenhand", at=NOW)
    second_factor.confirm(session, person.id, pyotp.TOTP(begun.secret).at(NOW), at=NOW)
    sent = sent_forms.Sending(person.id, "number", "/console/cycles/new", bytes(32))
    sent_forms.claim(session, sent, at=NOW)
    sent_forms.settle(session, sent, "/console/cycles", at=NOW)
    held = Passkey(
        credential=b"1", operator_id=person.id, name="own telephone", public_key=b"2", uses=0, created_at=NOW
    )
    session.add(held)
    passkeys.ask(session, passkeys.Place("https://evenhand.test", "Evenhand"), at=NOW)


def _audit(session: Session) -> None:
    """Entries that are sealed, a check that was asked for, and one more entry that waits for its seal."""
    session.flush()
    private = Ed25519PrivateKey.generate()
    key = SigningKey(key_name(private.public_key().public_bytes_raw()), private)
    audit_sealing.seal_waiting(session, key, NOW)
    audit_checking.ask(session, SYSTEM, at=NOW)
    audit.record(session, actor=SYSTEM, action="audit.checked", subject="audit", at=NOW)


def _imports(session: Session) -> None:
    session.add(
        ImportDraft(
            id=uuid7(),
            kind="skus",
            file_name="skus.csv",
            content=b"sku\nK1\n",
            size_bytes=7,
            mapping="",
            by="operator:planner-1",
            created_at=NOW,
            work="idle",
            turn=0,
            rows_done=0,
            rows_total=0,
        )
    )
    session.add(
        ImportReport(
            id=uuid7(),
            kind="skus",
            file_name="skus.csv",
            file_sha256="ab" * 32,
            reading={},
            mapping="",
            by="operator:planner-1",
            at=NOW,
            rows_read=1,
            rows_new=1,
            rows_changed=0,
            rows_unchanged=0,
            rows_refused=0,
            refused=[],
            changes=[],
            unused_columns=[],
        )
    )


def _visits(session: Session) -> None:
    words = {one["key"]: (one["key"], ["Is the licence on the wall?"]) for one in ruling.USUAL}
    ruling.begin_with_usual(session, words, "the first", PLANNER, at=NOW, today=NOW.date())
    managers = (planning.Manager("mia"), planning.Manager("max"))
    terms = planning.Terms(NOW.date(), 7, managers, 10, 480, 30)
    plan = plans.ask(session, terms, PLANNER, at=NOW)
    row = session.get_one(PlanRow, plan)
    row.state, row.figures, row.done_at = "made", {}, NOW
    stops = tuple(planning.Stop(code, "class-a", NOW.date(), 20) for code in SHOPS)
    plans.store(session, plan, planning.Plan((planning.Tour("mia", NOW.date(), stops),), ()))
    off = {("mia", NOW.date())}
    plans.replan(session, plan, off, "ill", PLANNER, at=NOW, today=NOW.date(), seen=0)
    for code in SHOPS:
        kept = {"id": uuid7(), "retailer": code, "sort": "visit", "at": NOW, "outcome": "done"}
        promise = {"words": "bring a sign", "due_on": NOW.date()}
        body = KeptVisit.model_validate({**kept, "promises": [promise]})
        visits.keep_visit(session, body, PLANNER, at=NOW, zone=ZoneInfo("Asia/Shanghai"))


def _figures(session: Session) -> None:
    _forecasts(session)
    _scores(session)


def _forecasts(session: Session) -> None:
    known = {(code, "goods"): (12, 10) for code in SHOPS}
    forecasts.note_requests(session, date(2026, 10, 1), known, "cycles", at=NOW)
    forecasts.ask_version(session, SYSTEM, at=NOW, today=NOW.date())
    made = session.scalars(select(ForecastVersion)).one()
    for code in SHOPS:
        session.add(
            SeriesRow(
                version=made.id,
                product_class="goods",
                retailer=code,
                first_period=date(2026, 10, 1),
                demand=[12.0],
                way=[1],
                mean=[12.0],
                lo80=[6.0],
                hi80=[20.0],
                tested_periods=0,
                error=None,
                naive_error=None,
            )
        )
        month, said_by = date(2026, 12, 1), Actor("device", "till-1")
        forecasts.give_own_figure(session, code, "goods", month, 14, said_by, at=NOW, today=NOW.date())


def _scores(session: Session) -> None:
    by = {"author": PLANNER.name, "reason": "why"}
    session.add(ScorePolicyRow(text="tiers = 5", text_sha256="ab" * 32, created_at=NOW, **by))
    run = ScoreRun(
        id=uuid7(),
        as_of=date(2026, 11, 1),
        history_number=1,
        facts_number=0,
        asked_by=PLANNER.name,
        asked_at=NOW,
        state="waiting",
        retailers=len(SHOPS),
    )
    session.add(run)
    session.flush()
    for code in SHOPS:
        placed = {"previous_tier": None, "earned_tier": 3, "tier": 3, "weight": 3, "status": "scored"}
        compared = {"market_type": "", "score_milli": 500_000, "compared_with": "all", "rank": 1, "peers": 2}
        session.add(ScoreRow(run=run.id, retailer=code, parts=[], **placed, **compared))
        since, until = date(2027, 1, 1), date(2027, 2, 1)
        held = decisions.propose_decision(session, code, "suspended", None, since, until, PLANNER, reason="why", at=NOW)
        decisions.approve_decision(session, held, RELEASER, at=NOW, today=NOW.date())
        decisions.propose_end(session, held, since, PLANNER, reason="why", at=NOW, today=NOW.date())
        _appeal(session, code, run.number)


def _appeal(session: Session, shop: str, run: int) -> None:
    appeal = AppealRow(
        id=uuid7(),
        retailer=shop,
        run=run,
        component="",
        words="",
        by="device:till-1",
        at=NOW,
        answer_until=date(2026, 12, 10),
        state="upheld",
        owner="planner-1",
        settled_at=NOW,
    )
    session.add(appeal)
    session.flush()
    two = {"retailer": shop, "appeal": appeal.id, "author": "planner-1", "at": NOW, "approver": "releaser-1"}
    session.add(
        AppealAnswerRow(
            id=uuid7(), verdict="upheld", answer_zh="", answer_en="so", figures=[], remedy={}, approved_at=NOW, **two
        )
    )
    month = {"facts": "deliveries", "product_class": "", "period": date(2026, 10, 1)}
    session.add(CorrectionRow(id=uuid7(), before={"part": 0}, after={"part": 1}, reason="so", **month, **two))


def _rest_of_the_cycle(session: Session, cycle: UUID) -> None:
    sealed = sealing.of(session).seal(f"draw:{cycle}", "cd" * 32)
    session.add(CycleStep(cycle=cycle, state="published", at=NOW, actor="system", detail={}))
    session.add(CycleSecret(cycle=cycle, sealed_secret=sealed, drawn_at=NOW))
    session.add(
        PlannedWindow(
            id=uuid7(), cycle=cycle, route="*", opens_at=NOW, closes_at=NOW + timedelta(hours=1), zone="UTC", note=""
        )
    )
    session.add(
        RouteSchedule(
            route="*",
            opens_weekday=1,
            opens_time=time(8),
            closes_weekday=3,
            closes_time=time(18),
            zone="Asia/Shanghai",
            changed_by="planner-1",
            changed_at=NOW,
        )
    )
    session.add_all(
        Adjustment(
            id=uuid7(),
            cycle=cycle,
            retailer=code,
            sku="K1",
            granted_units=5,
            reason="the cellar is full",
            author="planner-1",
            proposed_at=NOW,
            state="proposed",
        )
        for code in SHOPS
    )
    session.add_all(
        ShippedLine(delivery=uuid7(), sku="K1", cycle=cycle, retailer=code, attempt=1, shipped_units=1)
        for code in SHOPS
    )
    session.add(
        Comparison(
            id=uuid7(),
            cycle=cycle,
            attempt=1,
            first_policy="fair share",
            first_version=1,
            second_policy="fair share",
            second_version=1,
            asked_by="planner-1",
            asked_at=NOW,
            state="waiting",
            steps_done=0,
            steps=4,
        )
    )
    session.add(
        ScoreComparison(
            id=uuid7(),
            first_text="",
            second_text="margin_points = 5",
            as_of=date(2026, 11, 1),
            history_number=1,
            facts_number=0,
            asked_by="planner-1",
            asked_at=NOW,
            state="waiting",
            steps=3,
        )
    )
    session.add_all(Carry(retailer=code, sku="K1", carry_thousandths=0, cycle=cycle) for code in SHOPS)
    session.flush()


def _fleet(session: Session, senders: Mapping[str, Sender]) -> None:
    for sender in senders.values():
        status = ReportStatus(version="0", queue_length=0, language="zh")
        devices.report_statuses(session, [(status, Arrival(uuid7(), sender, NOW))])
        presence = ReportPresence(state="connected", session=uuid7())
        fleet_history.report_presences(session, [(presence, Arrival(uuid7(), sender, NOW))])
        fleet_groups.mark(session, sender.device, ["pilot"], "canary", PLANNER, at=NOW)
    fleet_history.keep_time(session, NOW)
    _alerts(session)
    fleet_groups.write_group(session, fleet_groups.Wanted("all", "list", named=SHOPS), PLANNER, at=NOW)


def _alerts(session: Session) -> None:
    keeper = Operator(1, "keeper", frozenset({"fleet"}))
    for code in SHOPS:
        number = fleet_alerts.suspect_clone(session, f"t-{code.lower()}", code, {}, at=NOW)
        fleet_alerts.say(session, number, "looked at", keeper, at=NOW)
    rule = fleet_ruling.BUILT_IN_SET.rules[1]
    record = {field.name: getattr(rule, field.name) for field in fleet_ruling.FIELDS}
    fleet_ruling.write_rule(session, rule.key, record, "as before", keeper, at=NOW, seen=0)
    fleet_watching.look(session, NOW + timedelta(days=2))


def _surveys(session: Session, senders: Mapping[str, Sender]) -> None:
    """A survey, a market round of which a figure was looked at, an anonymous one before and after the mix."""
    plan = {"title": BOTH, "intro": BOTH, "opens_at": NOW, "closes_at": NOW + timedelta(days=7)}
    price = {"id": "price", "kind": "money", "text": BOTH}
    why = {"questions": [{"id": "why", "kind": "text", "text": BOTH}]}
    plain, market, secret = (
        surveys.write_survey(session, survey_rules.Draft.model_validate(plan | more), PLANNER, at=NOW)
        for more in (
            why,
            {"questions": [price], "sort": "market", "series": "prices"},
            why | {"anonymous": True},
        )
    )
    for one in (plain, market, secret):
        surveys.publish_survey(session, one, PLANNER, at=NOW)
    shown = survey_queries.survey(session, market)
    assert shown is not None
    for code, sender in senders.items():
        send(
            session, sender, "survey.answer", AnswerSurvey(survey=market, answers=(Answer(question="price", number=9),))
        )
        survey_market.review(session, shown, (code, "price", ""), "accepted", "seen", PLANNER, at=NOW)
        answers = (Answer(question="why", text="because"),)
        send(session, sender, "survey.answer", AnswerSurvey(survey=plain, answers=answers))
        send(session, sender, "survey.answer", AnswerSurvey(survey=secret, answers=answers, blind="0" * 32))
    session.add(
        BallotRow(
            ballot=uuid4(), question="why", item="", survey_id=secret, stratum=0, choices=[], number=None, text="so"
        )
    )
