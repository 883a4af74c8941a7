"""What is announced and what is complained about, in every standing that a shop can see of it."""

from datetime import timedelta
from hashlib import sha256
from typing import Any

from pictures import picture
from till import Till

from contract.device_api import SayUnnamed, Unnamed
from contract.feed import Attachment, Feedback, Meeting, Registration, Text
from terminal_client.core import attachments, feedback_use_cases, unnamed, use_cases
from walk import told
from walk.acts import State, offline, saying, seen, tap, typed
from walk.shop import both, new
from walk.week import week

PLACE = both("Depot, second floor, room 204", "配送中心二楼 204 会议室")
TRAINING = both("Training: reading the reasons of a grant", "零售户培训：看懂分配理由")
TRAINED = both(
    "What the reasons on the terminal mean, and how to appeal.\nBring the terminal's number.",
    "讲解终端上的分配理由和申诉办法。\n请带上终端编号。",
)
WHY = both("It named the wrong price.", "价格写错，以新通知为准。")
EMPLOYEE = saying(kind="complaint", category="employee", words="电话里态度不好。 Rude on the telephone.")
SAID = saying(kind="suggestion", category="other", words="希望提前一周公布投放计划。 Publish the plan a week ahead.")


def attached(till: Till) -> tuple[Attachment, ...]:
    """Return a picture that is here and a document of two pages, of which the second has come by half."""
    contents = [picture(width=width, height=height, seed=seed) for seed, (width, height) in enumerate(SIZES)]
    pages = [
        {
            "sha256": sha256(content).hexdigest(),
            "size_bytes": len(content),
            "media_type": "image/jpeg",
            "width_px": width,
            "height_px": height,
        }
        for content, (width, height) in zip(contents, SIZES, strict=True)
    ]
    for content, page in zip(contents, pages, strict=True):
        there = content if content is not contents[-1] else content[: len(content) // 2]
        wanted = attachments.Wanted(str(page["sha256"]), len(content), 0)
        attachments.add(till.store, wanted, there, at_ms=till.clock.at_ms)
    parts: list[Any] = [
        {"name": "货架陈列示意.jpg", "kind": "picture", "pages": pages[:1]},
        {"name": "2027 年 4 月投放计划 release plan of April.pdf", "kind": "document", "pages": pages[1:]},
    ]
    return tuple(Attachment.model_validate(part) for part in parts)


SIZES = ((960, 640), (848, 1200), (848, 1200))


def announced(till: Till) -> None:
    """Publish an announcement of each standing; the registrations of the meetings came or wait."""
    week(till)
    now = till.server.now()

    def tell(key: str, title: Any, body: Any, **more: Any) -> None:
        told.tell_notice(till, key, more.pop("sort", "notice"), title, body, **more)

    tell("pictures", both("How the shelf should look", "货架陈列示意"), told.SHORTLY, attachments=attached(till))
    tell(
        "corrected",
        both("Depot closed on Sunday", "周日仓库休息"),
        told.POLICY,
        version=3,
        corrected_at=now,
        must_acknowledge=True,
    )
    tell("withdrawn", both("Spring prices", "春季价格表"), told.SHORTLY, withdrawn_at=now, withdrawn_why=WHY)
    tell("pinned", both("Holidays of the year", "全年放假安排"), told.SHORTLY, pinned=True)

    def invite(key: str, **more: Any) -> None:
        meeting = Meeting(
            sort="training",
            starts_at=now + timedelta(days=10),
            ends_at=now + timedelta(days=10, hours=2),
            place=PLACE,
            places=4,
            register_until=now + timedelta(days=8),
        )
        tell(key, TRAINING, TRAINED, meeting=meeting.model_copy(update=more))

    for key in ("meeting", "meeting_registered", "meeting_waiting", "meeting_said", "meeting_declined", "meeting_was"):
        invite(key)
    invite("meeting_off", called_off=True)
    invite("meeting_late", register_until=now - timedelta(hours=1))

    def stands(key: str, state: Any, **more: Any) -> None:
        known = Registration(announcement=till.things[key], state=state, at=now, **more)
        till.server.tell(f"registration:{till.things[key]}", "registration", known)

    stands("meeting_registered", "registered")
    stands("meeting_waiting", "waiting", waiting=2)
    stands("meeting_declined", "not_coming")
    stands("meeting_was", "registered", attended=True)
    till.hear()
    offline(till)
    use_cases.register(till.shop, till.things["meeting_said"], coming=True)


def heard(**changed: Any) -> Any:
    """Tell of one complaint, as it stands."""

    def tell(till: Till) -> None:
        now = till.server.now()
        facts = {
            "feedback": new(till),
            "number": 21,
            "kind": "complaint",
            "category": "grant",
            "words": "别家同样的店分得更多，请核实。 A shop like mine got more.",
            "state": "looked_at",
            "received_at": now,
            "answer_until": (now + timedelta(days=5)).date(),
        }
        made = Feedback.model_validate(facts | {k: v(now) if callable(v) else v for k, v in changed.items()})
        till.server.tell(f"feedback:{made.feedback}", "feedback", made)
        till.things["voice"] = made.feedback
        till.hear()

    return tell


DECIDED = heard(
    state="answered",
    decision="dismissed",
    answer=both("Shared by the published weights.", "按公布的权重分配，数字见所附说明。"),
    answered_at=lambda now: now,
    reopen_until=lambda now: (now + timedelta(days=6)).date(),
    result_sha256="ab" * 32,
    certificate_sha256="cd" * 32,
)
PAUSED = heard(
    paused_at=lambda now: now,
    because=both("We wait for the carrier's word.", "等待承运方回复。"),
)
CLOSED = heard(
    state="closed",
    category="goods",
    answer=both("It is replaced with the next delivery.", "下次配送补发一箱。"),
    answered_at=lambda now: now,
    closed_at=lambda now: now,
    reopen_until=lambda now: (now + timedelta(days=6)).date(),
)
REOPENED = heard(reopened="还没有补发。 It has not come yet.", answer=both("It comes on Friday.", "周五送到。"))


def disputing(till: Till) -> None:
    """Begin to dispute what was granted of a SKU."""
    feedback_use_cases.dispute(till.shop, "grant", f"{till.things['cycle']}/OIL-5L")
    feedback_use_cases.keep(till.shop, words="别家同样的店分得更多，请核实。")


def marked(till: Till) -> None:
    """Give a mark without a network."""
    offline(till)
    feedback_use_cases.rate(till.shop, till.things["voice"], 4)


def asked_again(till: Till) -> None:
    """Ask to look at it again without a network."""
    offline(till)
    feedback_use_cases.keep_reopening(till.shop, till.things["voice"], "还没有补发。")
    feedback_use_cases.reopen(till.shop, till.things["voice"], till.server.now().date().isoformat())


class Desk:
    """The distributor's side of what is said without a name; it has one answer."""

    def __init__(self, answer: Unnamed) -> None:
        self.answer = answer

    def say(self, said: SayUnnamed) -> None:
        """Take it."""

    def look(self, code: str) -> Unnamed:  # noqa: ARG002 - the port's name
        """Return the answer."""
        return self.answer


def unsent(till: Till) -> None:
    """Say something without a name; it is not sent yet."""
    SAID(till)
    unnamed.begin(till.store)


def unnamed_sent(till: Till) -> None:
    """Say something without a name, and have it taken."""
    unsent(till)
    answering(till)
    unnamed.send(till.store, till.terminal.unnamed_wire)


ANSWER = both("It will be published ten days ahead.", "今后提前十天公布。")


def answering(till: Till, answer: Text | None = ANSWER) -> None:
    """Let the distributor have answered what is under every code."""
    told_on = till.server.now().date()
    monday = told_on - timedelta(days=told_on.weekday())
    till.terminal.unnamed_wire = Desk(Unnamed(state="answered" if answer else "received", week=monday, answer=answer))


def states() -> list[State]:
    """Return the states of notices and meetings, and of what is said."""
    keys = ("pictures", "corrected", "withdrawn", "pinned", "meeting", "meeting_registered", "meeting_waiting")
    keys += ("meeting_said", "meeting_declined", "meeting_was", "meeting_off", "meeting_late")
    sent = (tap(".go .primary:not(.second)"),)
    code = (typed("#code", "ABCD-EFGH-JKLM-NPQR"), tap(".go button.primary"))
    return [
        State("notices-many", "/notices", (announced,)),
        *(State(f"notice-{key.replace('_', '-')}", f"/notices/{{{key}}}", (announced,)) for key in keys),
        State(
            "notice-pictures-page",
            "/notices/{pictures}",
            (announced,),
            (lambda page: page.locator("figure.page").last.scroll_into_view_if_needed(),),
        ),
        State("say-dispute-words", "/say/words", (week, disputing)),
        State("say-dispute-send", "/say/send", (week, disputing)),
        State("say-decided", "/say", (week, DECIDED)),
        State("say-paused", "/say", (week, PAUSED)),
        State("say-closed", "/say", (week, CLOSED)),
        State("say-marked", "/say", (week, CLOSED, marked)),
        State("say-reopen-waits", "/say", (week, CLOSED, asked_again)),
        State("say-reopened", "/say", (week, REOPENED)),
        State("say-employee", "/say/about", (week, EMPLOYEE)),
        State("say-unnamed-nothing", "/say/unnamed"),
        State("say-unnamed", "/say/unnamed", (week, unsent)),
        State(
            "say-unnamed-unreached",
            "/say/unnamed",
            (week, unsent),
            (*sent, seen(".note.stop")),
        ),
        State("say-unnamed-code", "/say/unnamed", (week, unnamed_sent)),
        State("say-code", "/say/code"),
        State("say-code-answered", "/say/code", (week, answering), (*code, seen(".ask h2"))),
        State("say-code-waits", "/say/code", (week, lambda till: answering(till, None)), (*code, seen(".ask h2"))),
        State("say-code-unreached", "/say/code", (week,), (*code, seen(".note.stop"))),
    ]
