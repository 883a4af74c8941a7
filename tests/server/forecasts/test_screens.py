"""The screens of forecasts, in both languages: nothing there yet, under way, done, a figure kept and one refused."""

from datetime import UTC, date, datetime

import pytest
from factories import NOW, make_retailer, make_sku
from sqlalchemy import update
from sqlalchemy.orm import Session

from server.forecasts import queries, service
from server.forecasts.models import ForecastVersion, SeriesRow
from server.kit.db import transaction
from server.kit.identity import SYSTEM

DECEMBER = date(2026, 12, 1)
SHOP = "/console/forecasts/shop?code=R1"
FIGURE = {"code": "R1", "product_class": "goods", "period": "2026-12-01", "kind": "agreed", "note": "a fair"}


def grow(session: Session) -> None:
    make_sku(session)
    make_retailer(session, "R1")
    make_retailer(session, "R2", region="hills")
    for month, units in ((8, 80), (9, 100), (10, 120)):
        told = {("R1", "goods"): (units + 20, units), ("R2", "goods"): (10, 10)}
        service.note_requests(session, date(2026, month, 1), told, "cycles", at=NOW)


def make(session: Session) -> None:
    service.ask_version(session, SYSTEM, at=NOW, today=NOW.date())
    row = session.query(ForecastVersion).one()
    for code, size in (("R1", 130.0), ("R2", 10.0)):
        six = [size + at for at in range(6)]
        session.add(
            SeriesRow(
                version=row.id,
                product_class="goods",
                retailer=code,
                first_period=date(2026, 8, 1),
                demand=[90.0, 110.0, float("nan")],
                way=[3, 3, 0],
                mean=six,
                lo80=[value * 0.8 for value in six],
                hi80=[value * 1.3 for value in six],
                tested_periods=12,
                error=0.71,
                naive_error=1.02,
            )
        )
    done = {"state": "done", "done_at": NOW, "series": 2, "series_done": 2, "library_version": "evenhand 0.1.0"}
    session.execute(update(ForecastVersion).values(**done, input_sha256="ab" * 32))


@pytest.fixture
def grown(runtime) -> None:
    with transaction(runtime.sessions) as session:
        grow(session)


@pytest.fixture
def made(runtime, grown) -> None:
    with transaction(runtime.sessions) as session:
        make(session)


@pytest.mark.parametrize(("language", "says"), [("en", "There is no forecast yet"), ("zh", "还没有预测")])
def test_without_history_the_page_says_where_it_comes_from(signed_in, language, says):
    page = signed_in("planner", language=language).get("/console/forecasts").text

    assert says in page
    assert "/console/forecasts/make" not in page


def test_a_version_is_asked_for_once_and_its_progress_is_shown(signed_in, grown):
    browser = signed_in("planner")

    assert browser.post("/console/forecasts/make").headers["Location"] == "/console/forecasts"
    page = browser.get("/console/forecasts").text
    assert "waits to be computed" in page
    assert 'hx-trigger="every 2s"' in page
    browser.post("/console/forecasts/make")
    assert "is being computed already" in browser.get("/console/forecasts").text
    assert browser.get("/console/forecasts/progress").status_code == 200


def test_once_it_is_done_the_progress_has_the_page_loaded_anew(signed_in, made):
    answer = signed_in("planner").get("/console/forecasts/progress")

    assert (answer.status_code, answer.headers["HX-Refresh"]) == (204, "true")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_list_filters_by_region_and_by_agreement(signed_in, made, runtime, language):
    browser = signed_in("planner", language=language)
    browser.post("/console/forecasts/shop/figure", data=FIGURE | {"units": "125"})

    def shops(query):
        page = browser.get(f"/console/forecasts?{query}").text
        return [code for code in ("R1", "R2") if f"<code>{code}</code>" in page]

    assert shops("") == ["R1", "R2"]
    assert shops("region=hills") == ["R2"]
    assert shops("figures=some") == ["R1"]
    assert shops("figures=none") == ["R2"]
    assert "131" in browser.get("/console/forecasts?format=csv").text


@pytest.mark.parametrize(("language", "says"), [("en", "demand without shortage"), ("zh", "不缺货时的需求")])
def test_a_shops_page_draws_its_months_and_holds_them_in_a_table(signed_in, made, language, says):
    page = signed_in("planner", language=language).get(SHOP).text

    assert says in page
    assert 'class="chart-band"' in page
    assert "0.71" in page
    assert "131" in page


def test_a_month_that_goes_on_is_not_drawn_as_one_that_is_over(signed_in, made, runtime):
    with transaction(runtime.sessions) as session:
        service.note_requests(session, date(2026, 11, 1), {("R1", "goods"): (7_777, 7_777)}, "cycles", at=NOW)

    page = signed_in("planner").get(SHOP).text
    assert "120" in page
    assert "7,777" not in page


def test_the_class_that_a_shop_sells_most_of_is_shown_first(signed_in, made, runtime):
    with transaction(runtime.sessions) as session:
        service.note_requests(session, date(2026, 10, 1), {("R1", "a small class"): (1, 1)}, "cycles", at=NOW)

    page = signed_in("planner").get(SHOP).text
    assert '<option value="goods" selected>' in page
    assert '<option value="a small class">' in page


def test_a_figure_is_kept_and_a_second_person_looks_at_it(signed_in, made, runtime):
    ann = signed_in("planner", name="ann")
    assert ann.post("/console/forecasts/shop/figure", data=FIGURE | {"units": "125"}).status_code == 303
    assert "/shop/confirm" not in ann.get(SHOP).text
    ben = signed_in("releaser", name="ben")
    assert "/shop/confirm" in ben.get(SHOP).text
    seen = {name: FIGURE[name] for name in ("code", "product_class", "period")} | {"version": "1"}
    assert ann.post("/console/forecasts/shop/confirm", data=seen).status_code == 422
    assert ben.post("/console/forecasts/shop/confirm", data=seen).status_code == 303
    assert "two persons" in ben.get(SHOP).text
    with transaction(runtime.sessions) as session:
        assert queries.figures(session, ["R1"])["R1"]["goods", DECEMBER, "agreed"].by == "operator:ben"


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"units": "1.5"}, "is not a whole number"),
        ({"units": "-1"}, "is not between"),
        ({"units": "5", "period": "2026-11-01"}, "has begun"),
        ({"units": "5", "product_class": "x"}, "There is no class x"),
    ],
)
def test_a_figure_that_cannot_be_kept_is_refused_in_words(signed_in, made, runtime, changed, says):
    answer = signed_in("planner").post("/console/forecasts/shop/figure", data=FIGURE | changed)

    assert answer.status_code == 422
    assert says in answer.text
    with transaction(runtime.sessions) as session:
        assert queries.figure_versions(session, "R1") == []


def test_only_planners_ask_and_agree(signed_in, made):
    nobody = signed_in("administrator")

    assert nobody.get("/console/forecasts").status_code == 200
    assert nobody.post("/console/forecasts/make").status_code == 403
    assert nobody.post("/console/forecasts/shop/figure", data=FIGURE | {"units": "5"}).status_code == 403


def test_a_shops_e_file_has_its_forecast(signed_in, made):
    page = signed_in("planner").get("/console/retailers/file/forecast?code=R1").text

    assert "Four times in five" in page
    assert "/console/forecasts/shop?code=R1&amp;product_class=goods" in page


def test_programs_read_forecasts_and_keep_figures(signed_in, made):
    browser = signed_in("planner")
    body = {"product_class": "goods", "period": "2026-12-01", "units": 140}

    kept = browser.post("/api/v1/forecasts/retailers/R1/figures", json=body)
    read = browser.get("/api/v1/forecasts/retailers/R1")

    assert (kept.status_code, kept.json()["version"]) == (201, 1)
    assert [one["units"] for one in read.json()["figures"]] == [140]
    assert read.json()["series"][0]["demand"] == [90.0, 110.0, None]
    assert browser.get("/api/v1/forecasts/versions").json()[0]["state"] == "done"
    assert len(browser.get("/api/v1/forecasts/retailers/R1/history").json()) == 3
    assert browser.post("/api/v1/forecasts/versions").status_code == 201


def test_in_the_last_hours_of_a_month_shop_and_distributor_agree_which_month_has_begun(signed_in, made, clock):
    clock.now = datetime(2026, 11, 30, 16, 30, tzinfo=UTC)  # at the distributor it is December already
    planner = signed_in("planner")
    body = {"product_class": "goods", "period": "2026-12-01", "units": 140}
    assert planner.post("/api/v1/forecasts/retailers/R1/figures", json=body | {"kind": "own"}).status_code == 201
    assert planner.post("/api/v1/forecasts/retailers/R1/figures", json=body).status_code == 201
    clock.now = datetime(2026, 12, 1, 0, 0, tzinfo=UTC)
    late = planner.post("/api/v1/forecasts/retailers/R1/figures", json=body)
    assert (late.status_code, late.json()["code"]) == (422, "period_begun")


def test_what_was_typed_stays_where_a_figure_is_refused(signed_in, made):
    planner = signed_in("planner")

    refused = planner.post("/console/forecasts/shop/figure", data=FIGURE | {"period": "2027-02-01", "units": "1e3"})

    assert refused.status_code == 422
    assert 'value="1e3"' in refused.text
    assert 'value="a fair"' in refused.text
    assert '<option value="2027-02-01" selected>' in refused.text


def test_a_figure_far_from_the_forecast_is_kept_and_doubted_and_one_beyond_all_bounds_is_refused(signed_in, made):
    planner = signed_in("planner")

    def kept(units: str) -> str:
        answer = planner.post("/console/forecasts/shop/figure", data=FIGURE | {"units": units})
        assert answer.status_code == 303
        return planner.get(answer.headers["Location"]).text

    assert "far from what is forecast" not in kept("140")
    assert "far from what is forecast, 104 to 171" in kept("1400")
    assert "far from what is forecast, 104 to 171" in kept("14")
    beyond = planner.post("/console/forecasts/shop/figure", data=FIGURE | {"units": "99999999999999"})
    assert beyond.status_code == 422


def test_a_second_person_finds_the_figures_that_one_person_agreed_on(signed_in, made):
    planner, other = signed_in("planner", name="anna"), signed_in("releaser", name="bo")
    alone = "/console/forecasts?figures=alone&format=csv"
    assert len(other.get(alone).text.splitlines()) == 1

    planner.post("/console/forecasts/shop/figure", data=FIGURE | {"units": "140"})
    assert "R1" in other.get(alone).text

    other.post("/console/forecasts/shop/confirm", data=FIGURE | {"version": "1"})
    assert len(other.get(alone).text.splitlines()) == 1
