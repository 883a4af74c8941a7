"""The words by which terminals are meant: what they say is read back, what they do not say is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.fleet import predicate
from server.fleet.predicate import Condition
from server.kit.fields import Unfit

VALUES = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters=""), min_size=1, max_size=8).filter(
    str.strip
)
CONDITIONS = st.one_of(
    st.builds(
        Condition,
        st.sampled_from(["retailer", "region", "route", "market", "model", "version", "tag"]),
        st.sampled_from(["is", "is not"]),
        st.lists(VALUES, min_size=1, max_size=3, unique=True).map(tuple),
    ),
    st.builds(Condition, st.just("tier"), st.sampled_from(["below", "at least"]), st.just(("3",))),
    st.builds(Condition, st.just("version"), st.sampled_from(["below", "at least"]), st.just(("1.10.2",))),
    st.builds(Condition, st.just("ring"), st.just("is"), st.just(("canary", "broad"))),
)


@given(st.lists(CONDITIONS, max_size=4).map(tuple))
def test_what_is_written_is_read_back(conditions: predicate.Predicate) -> None:
    assert predicate.read(predicate.write(conditions)) == conditions
    form = predicate.fill_form(conditions)
    if form is not None:
        of_form = predicate.read(predicate.of_form(form))
        assert set(of_form) == set(conditions)


def test_it_reads_what_people_type() -> None:
    said = '\n  region is North，South、"a, b"\n\nVersion  AT LEAST 1.4\ntag is not  pilot , pilot'
    assert predicate.read(said) == (
        Condition("region", "is", ("North", "South", "a, b")),
        Condition("version", "at least", ("1.4",)),
        Condition("tag", "is not", ("pilot",)),
    )
    assert predicate.sentences(predicate.read("ring is canary, early"), str) == ["ring is canary, early"]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("region North", "predicate_line"),
        ("region is ,", "predicate_line"),
        ("shoe is 44", "predicate_subject"),
        ("region below 3", "predicate_order"),
        ("version below 1, 2", "predicate_one"),
        ("version below one", "predicate_version"),
        ("state is happy", "predicate_value"),
        ("tier is high", "predicate_tier"),
        ("tag is " + "x" * predicate.LENGTH_MOST, "predicate_long"),
    ],
)
def test_what_it_cannot_read_is_named(said: str, code: str) -> None:
    with pytest.raises(Unfit) as refused:
        predicate.read(said)
    assert refused.value.reason.code == code


def test_versions_are_compared_number_by_number() -> None:
    ordered = ["nightly", "0.9", "1.2.10", "1.10", "2.0.1-rc1"]
    assert sorted(ordered, key=predicate.version_key) == ordered
    assert predicate.version_key("1.4") == predicate.version_key("1.4.0")
