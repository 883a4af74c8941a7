"""Every screen of cycles in every state, in both languages, and the way through them by hand."""

import re
from datetime import timedelta

import pytest

from server.cycles import queries, service
from server.kit.db import transaction
from server.kit.identity import Operator

PLANNER = Operator(1, "anna", frozenset({"planner"}))


def screen(browser, path, status=200):
    answer = browser.get(path)
    assert answer.status_code == status, answer.text[:2000]
    return answer.text


def sent(browser, path, **fields):
    """Send a form; follow to the page that it leads to."""
    answer = browser.post(path, data=fields)
    assert answer.status_code == 303, answer.text[:3000]
    return screen(browser, answer.headers["location"])


def test_a_planner_lets_a_window_close_later(town, signed_in):
    planner, cycle = signed_in("planner"), town.draft()
    published = town.clock.now + timedelta(hours=9)  # an hour, on the wall clock of Shanghai
    town.announce(cycle)
    place, window = f"/console/cycles/{cycle}", town.open(cycle)
    typed = published.strftime("%Y-%m-%dT%H:%M")
    for closes, why in ((typed, "so that nobody loses time"), ("soon", "Give the new close")):
        answer = planner.post(f"{place}/windows/{window}/postpone", data={"closes": closes, "reason": "storm"})
        assert answer.status_code == 422
        assert why in answer.text
    later = published + timedelta(minutes=15)
    typed = later.strftime("%Y-%m-%dT%H:%M")
    page = sent(planner, f"{place}/windows/{window}/postpone", closes=typed, reason="storm")
    assert f"{later.day} {later:%b %Y %H:%M} UTC+08:00" in page
    assert "let a window close later" in page
    assert "storm" in page


@pytest.mark.slow
def test_a_planner_and_a_releaser_do_a_whole_cycle_by_hand(town, signed_in, clock):
    planner, releaser = signed_in("planner", name="anna"), signed_in("releaser", name="bo")
    assert "There is no cycle yet" in screen(planner, "/console/cycles")
    form = screen(planner, "/console/cycles/new")
    (policy,) = re.findall(r'<option value="([^"]*)" selected>fair share, newest version', form)
    assert policy, "a browser asks for another choice where a needed select stands at an empty value"
    named = {"name_zh": "第49周", "name_en": "Week 49", "week": "2026-12-02"}
    answer = planner.post("/console/cycles/new", data={**named, "policy": policy})
    place = answer.headers["location"]
    page = screen(planner, place)
    assert "No window is planned" in page
    local = [(clock.now + timedelta(hours=8, minutes=m)).strftime("%Y-%m-%dT%H:%M") for m in (5, 60)]
    page = sent(planner, f"{place}/windows", route="*", opens=local[0], closes=local[1])
    assert "Wed 25 Nov 2026 09:05 UTC+08:00" in page
    page = sent(planner, f"{place}/supply/line", sku="K1", supply_units="130", reserve_units="5", reason="arrivals")
    assert "version 1" in page
    answer = planner.post(
        f"{place}/supply/file",
        data={"reason": "more arrivals", "others": "keep"},
        files={"file": ("s.csv", b"sku,supply_units\nK2,1000\n", "text/csv")},
    )
    assert answer.status_code == 303, answer.text
    sent(planner, f"{place}/announce")
    clock.advance(minutes=6)
    town.open(place.rpartition("/")[2])
    assert "until it closes" in screen(planner, place)
    with transaction(town.sessions) as session:
        window = queries.orders.windows(session)[0].id
    for retailer, quantities in {"R1": {"K1": 40, "WINE": 18}, "R2": {"K1": 40}, "R4": {"K1": 80}}.items():
        assert town.order(retailer, window, **quantities).outcome == "accepted"
    assert "Asked for, and not in the supply" in screen(planner, place)
    town.close()
    town.work()
    page = screen(planner, place)
    assert "Freezing has stopped" in page
    assert "WINE" in page
    assert "WINE" in screen(planner, f"{place}/supply")
    sent(planner, f"{place}/supply/missing", sku="WINE", units="12", reason="found some")
    town.work()
    review = screen(planner, f"{place}/review")
    for words in ("Send to a second person", "Lorenz", "Fill by tier", "The files to be published hold"):
        assert words in review
    sent(planner, f"{place}/send")
    assert "You sent this result" not in screen(releaser, f"{place}/review")
    assert "You sent this result" in screen(planner, f"{place}/review")
    sent(releaser, f"{place}/send-back", reason="look at R4 again")
    sent(planner, f"{place}/send")
    assert "Release this result?" in screen(releaser, f"{place}/review")
    sent(releaser, f"{place}/release")
    town.work()
    page = screen(releaser, f"{place}/review")
    assert "Published" in page
    assert "is revealed with the publication" not in page
    answer = releaser.get(f"{place}/explain", params={"retailer": "R4"}, headers={"HX-Request": "true"})
    assert "Shop R4" in answer.text
    assert "There is no retailer R99" in screen(releaser, f"{place}/explain?retailer=R99")
    assert releaser.get(f"{place}/export.zip").content[:2] == b"PK"


def texts_of(page):
    """What a person reads on a page."""
    return re.sub(r"<[^>]+>", " ", re.sub(r"<(script|style|svg|code|pre).*?</\1>", " ", page, flags=re.DOTALL))


@pytest.mark.slow
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_screen_stands_in_every_state(town, signed_in, language):
    planner = signed_in("planner", name="anna", language=language)
    releaser = signed_in("releaser", name="bo", language=language)
    cycle = town.draft()
    screens = [f"/console/cycles/{cycle}{part}" for part in ("", "/supply", "/review")]
    screens += ["/console/cycles", "/console/standing", "/console/cycles/new", "/console/"]
    screens += ["/console/policies", "/console/policies/new", "/console/policies/what-ifs"]

    def look():
        for path in screens:
            screen(planner, path)
        for path in screens:
            if not path.endswith("/new"):  # a planner's alone
                screen(releaser, path)

    look()
    town.announce(cycle)
    look()
    window = town.open(cycle)
    town.order("R1", window, K1=40, K2=12)
    town.order("R4", window, K1=120)
    look()
    town.close()
    for steps in (1, 1, 1, 1, 1):
        town.work(steps=steps)
        look()
    town.act(service.send_for_release, cycle, PLANNER)
    look()
    town.act(service.release, cycle, Operator(2, "bo", frozenset({"releaser"})))
    look()
    town.work()
    look()


@pytest.mark.parametrize("path", ["", "/supply", "/review"])
def test_the_chinese_screens_hold_no_english_sentence(town, signed_in, path):
    cycle = town.verified()
    page = texts_of(screen(signed_in("planner", name="anna", language="zh"), f"/console/cycles/{cycle}{path}"))
    sentences = re.findall(r"[A-Z][a-z]+(?: [a-z]+){2,}", page)
    assert sentences == []


def test_a_fault_is_shown_where_it_was_typed_and_nothing_is_stored(town, signed_in):
    planner = signed_in("planner", name="anna")
    cycle = town.draft()
    answer = planner.post(
        f"/console/cycles/{cycle}/supply/line", data={"sku": "K9", "supply_units": "1", "reason": "typed"}
    )
    assert answer.status_code == 422
    assert "K9 is not in the catalogue" in answer.text
    assert 'value="typed"' in answer.text
    answer = planner.post(f"/console/cycles/{cycle}/windows", data={"route": "*", "opens": "soon", "closes": ""})
    assert answer.status_code == 422
    typed = {"name": "x", "rule": "loud", "rounding": "webster", "reason": "y"}
    answer = planner.post("/console/policies/new", data=typed)
    assert answer.status_code == 422
    typed |= {
        "rule": "max_min",
        "quota_of": "region|the moon",
        "quota_sku": "",
        "quota_units": "5",
    }
    answer = planner.post("/console/policies/new", data=typed)
    assert answer.status_code == 422
    assert "No retailer has region “the moon”" in answer.text
    assert '<option value="region|the moon" selected>' in answer.text
    answer = planner.post("/console/standing/schedules", data={"route": "*"})
    assert answer.status_code == 422
    assert town.cycle(cycle).supply_version == 1


def test_the_second_of_two_who_correct_the_supply_is_told_what_stands_and_loses_nothing(town, signed_in):
    anna, bo = signed_in("planner", name="anna"), signed_in("planner", name="bo")
    place = f"/console/cycles/{town.draft()}"
    seen = re.search(r'name="seen" value="(\d+)"', screen(anna, f"{place}/supply"))
    assert seen is not None
    typed = {"sku": "K1", "supply_units": "90", "reason": "water", "seen": seen[1]}
    assert anna.post(f"{place}/supply/line", data=typed).status_code == 303
    late = bo.post(f"{place}/supply/line", data=typed | {"supply_units": "80", "reason": "my own"})
    assert late.status_code == 409
    assert all(said in late.text for said in ("anna", "water", "80", "my own"))
    api = place.replace("/console/", "/api/v1/")
    body = {"reason": "by a program", "lines": [{"sku": "K1", "supply_units": 70}]}
    assert bo.post(f"{api}/supply", json=body, headers={"If-Match": seen[1]}).status_code == 409
    assert bo.post(f"{api}/supply", json=body, headers={"If-Match": str(int(seen[1]) + 1)}).status_code == 201


def test_nobody_sends_or_releases_by_an_older_page_what_was_shared_out_since(town, signed_in):
    planner, releaser = signed_in("planner", name="anna"), signed_in("releaser", name="bo")
    cycle = town.verified()
    place, api = f"/console/cycles/{cycle}", f"/api/v1/cycles/{cycle}"

    def told(act, program, browser):
        assert browser.post(f"{place}/{act}", data={"seen": "1"}).status_code == 409
        late = browser.post(f"{api}/{program}", headers={"Accept": "application/json", "If-Match": "1"})
        assert (late.status_code, late.json()["code"]) == (409, "changed_meanwhile")

    sent(planner, f"{place}/send", **form_of(planner, place, "send"))
    town.act(service.send_back, cycle, Operator(2, "bo", frozenset({"releaser"})), reason="R4 is closed for repairs")
    town.supply(cycle, [{"sku": "K1", "supply_units": 90}], correct=True)
    town.work()
    told("send", "send-for-release", planner)
    assert town.cycle(cycle).state == "verified"
    sent(planner, f"{place}/send", **form_of(planner, place, "send"))
    told("release", "release", releaser)
    assert (town.cycle(cycle).state, town.cycle(cycle).released_by) == ("in_review", None)
    assert form_of(releaser, place, "release") == {"seen": "2"}
    assert releaser.post(f"{api}/release", headers={"If-Match": "2"}).status_code == 204


def form_of(browser, place, act):
    """Return what a form of the review page says that its person looked at."""
    hidden = re.search(rf'action="{place}/{act}"[^>]*>.*?name="seen" value="(\d+)"', screen(browser, f"{place}/review"))
    assert hidden is not None
    return {"seen": hidden[1]}


def test_the_second_of_two_who_set_a_schedule_is_told(town, signed_in):
    anna, bo = signed_in("planner", name="anna"), signed_in("planner", name="bo")
    place = "/console/standing/schedules"
    seen = re.search(r'name="seen" value="([^"]+)"', screen(anna, "/console/standing"))
    assert seen is not None
    week = {"opens_weekday": "6", "opens_time": "16:00", "closes_weekday": "7", "closes_time": "02:30"}
    typed = {"route": "south", "zone": "Asia/Shanghai", "seen": seen[1], **week}
    assert anna.post(place, data=typed).status_code == 303
    late = bo.post(place, data=typed | {"opens_time": "17:00"})
    assert late.status_code == 409
    assert "Saturday" in late.text
    assert bo.post(f"{place}/remove", data={"route": "south", "seen": seen[1]}).status_code == 409
    assert bo.post(f"{place}/remove", data={"route": "south"}).status_code == 303


@pytest.mark.parametrize(
    "said",
    [
        'fairness = "basket"\nrule = "max_min"\nrounding = "adams"\n',
        'fairness = "basket"\nrule = "priority"\nrounding = "dean"\ninside = "talmud"\ncredit = true\n',
        'fairness = "line"\nrule = "talmud"\nrounding = "webster"\nbundles = [\n  {bundle = "box", sku = "K1"},\n]\n',
    ],
)
def test_a_policys_form_says_all_that_the_policy_says(town, signed_in, said):
    planner, api = signed_in("planner", name="anna"), "/api/v1/policies"
    town.draft()
    assert planner.post(api, json={"name": "ours", "text": said, "reason": "wish"}).status_code == 201
    page = screen(planner, "/console/policies/new?policy=ours%7C1")
    typed = filled_in(page) | {"reason": ["one more quota"], "quota_of": ["region|hills", "", "", ""]}
    typed |= {"quota_sku": ["*", "", "", ""], "quota_units": ["5000", "", "", ""]}
    assert planner.post("/console/policies/new", data=typed).status_code == 303
    newest = planner.get(api).json()[0]
    quota = 'quotas = [\n  {group = "region", value = "hills", sku = "*", max_units = 5000},\n]\n'
    head, bundles, rest = said.partition("bundles")
    assert (newest["version"], newest["text"]) == (2, head + quota + bundles + rest)


def filled_in(page):
    """Return what the page's form would send as it stands: its inputs and its choices, by name."""
    form = page.partition('action="/console/policies/new"')[2].partition("</form>")[0]
    typed = {}
    for tag in re.findall(r"<input\b[^>]*>", form):
        named, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        if named and ('type="checkbox"' not in tag or "checked" in tag):
            typed.setdefault(named[1], []).append(value[1] if value else "")
    for named, options in re.findall(r'<select\b[^>]*name="([^"]+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)"[^>]*selected', options)
        assert chosen is not None
        typed.setdefault(named, []).append(chosen[1])
    return typed


def test_schedules_and_policies_are_set_by_hand(town, signed_in):
    planner = signed_in("planner", name="anna")
    page = sent(
        planner,
        "/console/standing/schedules",
        route="south",
        opens_weekday="6",
        opens_time="16:00",
        closes_weekday="7",
        closes_time="02:30",
        zone="America/New_York",
    )
    assert "Route south" in page
    typed = {"name": "small first", "rule": "max_min", "rounding": "adams", "reason": "wish"}
    page = sent(planner, "/console/policies/new", **typed)
    assert "small first v1 is written" in page
    coupled = typed | {
        "credit": "yes",
        "retailer_units": "70",
        "quota_of": ["region|hills", ""],
        "quota_sku": ["", "K1"],
        "quota_units": ["90", ""],
        "line_retailer": ["", ""],
        "line_sku": ["WINE", ""],
        "bundle": ["either", "either", ""],
        "bundle_sku": ["K1", "K2", ""],
    }
    page = sent(planner, "/console/policies/new", **coupled)
    assert "small first v2 is written" in page
    assert "region hills: all SKUs 90" in " ".join(page.split())
    form = screen(planner, "/console/policies/new?policy=small first|2")
    assert '<option value="region|hills" selected>' in form
    assert 'value="either"' in form
    assert "One of these at most either: K1, K2" in " ".join(re.sub(r"<[^>]+>", " ", page).split()).replace(" ,", ",")
    page = sent(planner, "/console/policies/restore", policy="small first|1", reason="too tight")
    assert "small first v3 says again what it said" in page
    cycle = town.draft()
    page = sent(planner, f"/console/cycles/{cycle}/windows/scheduled")
    assert "Route south" in page
    sent(planner, f"/console/cycles/{cycle}/policy", policy="small first|1")
    assert town.cycle(cycle).policy == "small first v1"
    page = sent(planner, "/console/standing/schedules/remove", route="south")
    assert "No schedule stands" in page


def test_the_live_part_has_the_page_loaded_when_the_cycle_moves_on(town, signed_in):
    planner = signed_in("planner", name="anna")
    cycle = town.draft()
    town.announce(cycle)
    same = planner.get(f"/console/cycles/{cycle}/live", params={"state": "announced", "trouble": "no"})
    assert "HX-Refresh" not in same.headers
    town.open(cycle)
    moved = planner.get(f"/console/cycles/{cycle}/live", params={"state": "announced", "trouble": "no"})
    assert moved.headers["HX-Refresh"] == "true"


def test_the_home_page_says_what_waits_for_whom(town, signed_in):
    cycle = town.verified()
    planner, releaser = signed_in("planner", name="anna"), signed_in("releaser", name="bo")
    assert f"/console/cycles/{cycle}/review" in screen(planner, "/console/")
    assert f"/console/cycles/{cycle}/review" not in screen(releaser, "/console/")
    town.act(service.send_for_release, cycle, PLANNER)
    assert f"/console/cycles/{cycle}/review" not in screen(planner, "/console/")
    assert f"/console/cycles/{cycle}/review" in screen(releaser, "/console/")


def test_a_step_that_should_be_done_can_be_tried_again_by_hand(town, signed_in, clock):
    planner = signed_in("planner", name="anna")
    cycle = town.draft()
    town.ordered(cycle)
    town.close()
    town.forget_queue()
    assert "should be done by now" in screen(planner, f"/console/cycles/{cycle}")
    sent(planner, f"/console/cycles/{cycle}/retry")
    clock.advance(minutes=5)
    assert "should be done by now" in screen(planner, f"/console/cycles/{cycle}")
    town.work()
    assert "should be done by now" not in screen(planner, f"/console/cycles/{cycle}")


def test_a_cycle_is_named_after_its_week_and_no_two_of_a_week_are_called_alike(town, signed_in):
    planner = signed_in("planner", name="anna", language="en")
    asked = {"week": "2026-12-07", "policy": "fair share|"}
    for name in ("Week 50", "Week 50 (2)"):
        assert f"<h1>{name}</h1>" in sent(planner, "/console/cycles/new", **asked)
    answer = planner.post("/console/cycles/new", data={**asked, "name_en": "Week 50 "})
    assert answer.status_code == 422
    assert "Another cycle of that week has this name" in answer.text
    assert "<h1>Week 50</h1>" in sent(
        planner, "/console/cycles/new", **{**asked, "week": "2027-12-14"}, name_en="Week 50"
    )
