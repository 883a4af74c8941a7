"""The named scenarios of whole devices."""

from collections.abc import Mapping

from firmware_sim.device.language import Does, Happens, Scenario, Span
from firmware_sim.device.radio import Air

DAY_S = 86_400

_ORDERING = (
    Does("order", Span(25, 160)),
    Does("amend", Span(60, 250), shops=0.6),
    Does("order_again", Span(60, 260), shops=0.4),
    Does("cancel", Span(120, 270), shops=0.2),
)

SCENARIOS: Mapping[str, Scenario] = {
    one.name: one
    for one in (
        Scenario(
            name="window-rush",
            story="Every shop orders in the last seconds; some repeat, drop out, ask wrongly or come too late.",
            closes_s=90,
            quiet_s=150,
            air=Air(20, 400, loss=0.02, repeats=0.05),
            does=(
                Does("order", Span(78, 91)),
                Does("order_again", Span(80, 90), shops=0.5, times=2),
                Does("amend", Span(82, 92), shops=0.4),
            ),
            happens=(
                Happens("link_down", Span(80, 90), chance=0.3, lasts=Span(1, 15)),
                Happens("said_again", Span(92, 140), chance=0.4, times=2),
                Happens("ingest_killed", Span(70, 95), chance=0.5, lasts=Span(1, 3)),
                Happens("web_killed", Span(80, 95), chance=0.3, lasts=Span(1, 3)),
            ),
        ),
        Scenario(
            name="power-cut-ordering",
            story="The street's power fails again and again while shops order, amend and cancel.",
            closes_s=300,
            quiet_s=420,
            shares_out=True,
            does=(
                *_ORDERING,
                Does("complain", Span(30, 250), shops=0.3),
                Does("print", Span(100, 300), shops=0.4),
                Does("confirm", Span(350, 400), shops=0.7),
            ),
            happens=(
                Happens("power_cut", Span(10, 290), chance=0.7, lasts=Span(1, 40), times=3),
                Happens("power_cut", Span(330, 400), chance=0.4, lasts=Span(1, 15)),
                Happens("no_paper", Span(60, 200), chance=0.3, lasts=Span(20, 100)),
                Happens("watchdog", Span(30, 250), chance=0.1),
                Happens("web_killed", Span(40, 290), chance=0.4, lasts=Span(1, 5)),
                Happens("ingest_killed", Span(40, 290), chance=0.4, lasts=Span(1, 5)),
            ),
        ),
        Scenario(
            name="three-days-offline",
            story="A village is cut off for three days; its shops go on working, and all of it arrives in the end.",
            closes_s=3 * DAY_S + 3_600,
            quiet_s=3 * DAY_S + 1_200,
            does=(
                Does("order", Span(25, 150)),
                Does("amend", Span(200, 1_000), shops=0.7),
                Does("complain", Span(300, 1_000), times=2),
                Does("answer", Span(DAY_S + 700, DAY_S + 1_000), shops=0.8),
                Does("order_again", Span(DAY_S + 30, DAY_S + 600), shops=0.8),
                Does("amend", Span(2 * DAY_S + 30, 2 * DAY_S + 900)),
                Does("complain", Span(2 * DAY_S + 30, 2 * DAY_S + 900), shops=0.5),
                Does("cancel", Span(3 * DAY_S, 3 * DAY_S + 600), shops=0.3),
            ),
            happens=(
                Happens("link_down", Span(100, 180), chance=0.8, lasts=Span(3 * DAY_S, 3 * DAY_S + 600)),
                Happens("night", Span(1_200, 1_300), lasts=Span(DAY_S - 1_300, DAY_S - 1_250)),
                Happens("night", Span(DAY_S + 1_200, DAY_S + 1_300), lasts=Span(DAY_S - 1_300, DAY_S - 1_250)),
                Happens("night", Span(2 * DAY_S + 1_200, 2 * DAY_S + 1_300), lasts=Span(DAY_S - 1_300, DAY_S - 1_250)),
                Happens("clock_jump", Span(DAY_S, DAY_S + 900), chance=0.3),
                Happens("power_cut", Span(2 * DAY_S, 2 * DAY_S + 900), chance=0.5, lasts=Span(1, 60)),
            ),
        ),
        Scenario(
            name="broker-lost",
            story="The broker is killed and its state wiped while shops order; what it had acknowledged is gone.",
            closes_s=240,
            quiet_s=300,
            does=(*_ORDERING, Does("complain", Span(30, 200), shops=0.4), Does("answer", Span(30, 200), shops=0.5)),
            happens=(
                Happens("broker_killed", Span(20, 220), chance=0.9, lasts=Span(2, 45), times=3),
                Happens("ingest_killed", Span(20, 220), chance=0.7, lasts=Span(1, 10), times=2),
                Happens("worker_killed", Span(20, 220), chance=0.5, lasts=Span(1, 10), times=2),
                Happens("half_open", Span(20, 200), chance=0.3, lasts=Span(5, 60)),
            ),
        ),
        Scenario(
            name="bad-update",
            story="A release that does not run on half of the devices comes while shops order and the power fails.",
            closes_s=7_200,
            quiet_s=1_800,
            does=(
                Does("order", Span(25, 300)),
                Does("order_again", Span(200, 900), shops=0.5),
                Does("amend", Span(300, 1_200), shops=0.5),
            ),
            happens=(
                Happens("offered", Span(60, 120)),
                Happens("update_cut", Span(62, 150), chance=0.5),
                Happens("update_cut", Span(100, 400), chance=0.3),
                Happens("power_cut", Span(60, 500), chance=0.3, lasts=Span(1, 20)),
            ),
            looks=("the old or the new boots",),
        ),
        Scenario(
            name="cloned-device",
            story="Somebody copies a terminal's flash and orders with it: both have one identity, and it is noticed.",
            closes_s=170,
            quiet_s=150,
            does=(
                Does("order", Span(25, 60)),
                Does("order_again", Span(60, 130), times=2),
                Does("amend", Span(60, 130), shops=0.5),
            ),
            happens=(
                Happens("cloned", Span(40, 70), chance=0.7, lasts=Span(40, 60)),
                Happens("power_cut", Span(60, 120), chance=0.3, lasts=Span(1, 15)),
                Happens("said_differently", Span(80, 140), chance=0.4),
            ),
            looks=("clones are noticed",),
        ),
        Scenario(
            name="closing-second",
            story="Orders reach the server around its published close and grace, from clocks that are wrong by days.",
            closes_s=120,
            grace_s=10,
            quiet_s=240,
            air=Air(20, 1_500, loss=0.05, repeats=0.1),
            does=(
                Does("order", Span(100, 122)),
                Does("order_again", Span(112, 133), times=3),
                Does("amend", Span(115, 131), times=2),
                Does("cancel", Span(118, 132), shops=0.4),
            ),
            happens=(
                Happens("clock_jump", Span(5, 110), chance=0.6),
                Happens("clock_stopped", Span(30, 80), chance=0.3, lasts=Span(1, 10)),
                Happens("link_down", Span(100, 128), chance=0.4, lasts=Span(2, 40)),
                Happens("said_again", Span(130, 220), chance=0.5),
                Happens("said_differently", Span(125, 220), chance=0.5),
                Happens("server_clock_back", Span(131, 150), chance=0.5),
            ),
            looks=("answered after the close",),
        ),
        Scenario(
            name="restored-backup",
            story="The database is lost and comes back from a backup; terminals send again what the server forgot.",
            closes_s=500,
            quiet_s=430,
            does=(
                Does("order", Span(25, 120)),
                Does("amend", Span(60, 250), shops=0.6),
                Does("order_again", Span(100, 300), times=2),
                Does("complain", Span(60, 300), shops=0.6),
            ),
            happens=(
                Happens("server_restored", Span(60, 150), lasts=Span(20, 200)),
                Happens("power_cut", Span(60, 350), chance=0.4, lasts=Span(1, 30)),
                Happens("link_down", Span(60, 350), chance=0.4, lasts=Span(5, 60)),
            ),
            outage="https://about.gitlab.com/blog/2017/02/10/postmortem-of-database-outage-of-january-31/",
        ),
        Scenario(
            name="dead-clock",
            story="Clock batteries die and clocks jump: no terminal trusts its own time, and none stays silent.",
            closes_s=300,
            quiet_s=330,
            does=(*_ORDERING, Does("complain", Span(30, 250), shops=0.3)),
            happens=(
                Happens("clock_stopped", Span(10, 200), chance=0.8, lasts=Span(1, 20), times=2),
                Happens("clock_jump", Span(20, 280), chance=0.8, times=3),
                Happens("bad_air", Span(30, 200), chance=0.4, lasts=Span(20, 90)),
            ),
            outage="https://blog.cloudflare.com/how-and-why-the-leap-second-affected-cloudflare-dns/",
        ),
        Scenario(
            name="full-disk",
            story="The flash fills up while shops order: a polite no, nothing is lost, and on it goes.",
            closes_s=400,
            quiet_s=330,
            does=(
                Does("order", Span(25, 120)),
                Does("order_again", Span(60, 280), times=3),
                Does("amend", Span(60, 280), shops=0.7),
                Does("complain", Span(30, 280), times=2),
            ),
            happens=(
                Happens("disk_full", Span(40, 200), chance=0.9, lasts=Span(20, 100), times=2),
                Happens("power_cut", Span(60, 280), chance=0.4, lasts=Span(1, 20)),
            ),
            outage="https://www.tomshardware.com/news/toyota-shut-down-14-factories-due-to-insufficient-disk-space",
        ),
        Scenario(
            name="retry-storm",
            story="Everything is away for minutes while shops order; when it is back nobody runs it over.",
            closes_s=700,
            quiet_s=520,
            does=(
                Does("order", Span(25, 400)),
                Does("order_again", Span(80, 450), times=3),
                Does("complain", Span(80, 400)),
            ),
            happens=(
                Happens("web_down", Span(60, 70), lasts=Span(240, 400)),
                Happens("broker_killed", Span(60, 70), lasts=Span(240, 400)),
                Happens("ingest_killed", Span(470, 500), chance=0.4, lasts=Span(1, 5)),
            ),
            looks=("no storm",),
            outage="https://aws.amazon.com/message/5467D2/",
        ),
    )
}


class UnknownScenarioError(ValueError):
    """There is no scenario of that name; the message lists those that there are."""


def find(name: str) -> Scenario:
    """Return the scenario called ``name``; raise :class:`UnknownScenarioError` where there is none."""
    if name not in SCENARIOS:
        raise UnknownScenarioError(f"there is no scenario {name!r}; there are: {', '.join(SCENARIOS)}")
    return SCENARIOS[name]
