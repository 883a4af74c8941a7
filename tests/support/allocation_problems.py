"""Small allocation problems for tests, and the definition of a filling once more, as plainly as possible."""

import hmac
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from allocation import Policy, Problem, Result, solve

SEED = "2a" * 32
ROUNDINGS = ("adams", "dean", "huntington_hill", "webster", "jefferson")
RULES = ("max_min", "proportional", "equal_losses", "talmud")


def one_sku(
    requested: Iterable[int | None], supply: int, *, sku: Mapping[str, int] | None = None, **columns: list[Any]
) -> Problem:
    """One SKU K and retailers r1, r2, …; `columns` are further columns of the requests, `sku` of the supply."""
    asked = list(requested)
    names = columns.pop("retailer", [f"r{i:02d}" for i in range(1, len(asked) + 1)])
    return Problem.from_columns(
        {"retailer": names, "sku": ["K"] * len(asked), "requested": asked, **columns},
        {"sku": ["K"], "supply": [supply], **{name: [value] for name, value in (sku or {}).items()}},
    )


def granted(problem: Problem, *, seed: str = SEED, **policy: str) -> list[Any]:
    """Solve and return the grants in the order of the result."""
    return solve(problem, Policy(**policy), seed=seed).granted.tolist()


def reasons(result: Result) -> list[str]:
    return list(result.reason)


@st.composite
def columns(draw: st.DrawFn, *, coupled: bool = False, minimums: bool = False, bundles: bool = False) -> dict[str, Any]:
    """Columns of a small problem: few names, so that ties, floors and caps meet; sometimes refused for its floors."""
    retailers = [f"r{i}" for i in range(draw(st.integers(1, 5)))]
    skus = [f"s{i}" for i in range(draw(st.integers(1, 3 if coupled else 2)))]
    pairs = [(r, s) for r in retailers for s in skus]
    lines = draw(st.lists(st.sampled_from(pairs), min_size=1, max_size=len(pairs), unique=True))
    largest_weight = draw(st.sampled_from((1, 3, 30, 10**9)))
    count = len(lines)

    def column(strategy: st.SearchStrategy[Any], length: int = count) -> list[Any]:
        return draw(st.lists(strategy, min_size=length, max_size=length))

    requests = {
        "retailer": [r for r, _ in lines],
        "sku": [s for _, s in lines],
        "requested": column(st.integers(0, 40)),
        "weight": column(st.integers(1, largest_weight)),
        "floor": column(st.sampled_from((0, 0, 0, 1, 3))),
        "cap": column(st.one_of(st.none(), st.none(), st.integers(0, 30))),
        "carry": column(st.integers(-1000, 1000)) if draw(st.booleans()) else [0] * count,
    }
    supply = {
        "sku": skus,
        "supply": column(st.integers(0, 90), len(skus)),
        "pack": column(st.sampled_from((1, 1, 2, 12)), len(skus)),
    }
    tiers = column(st.sampled_from(("1", "2", "10")), len(retailers))
    table: dict[str, Any] = {"retailer": retailers, "group:tier": tiers}
    quotas = None
    if coupled:
        supply["price_minor"] = column(st.integers(0, 9), len(skus))
        table["credit_minor"] = column(st.one_of(st.none(), st.integers(0, 200)), len(retailers))
        table["max_units"] = column(st.one_of(st.none(), st.integers(0, 60)), len(retailers))
        table["group:region"] = column(st.sampled_from(("n", "s", "")), len(retailers))
        keys = [(g, v, s) for g, vs in (("region", "ns"), ("tier", "12")) for v in vs for s in (*skus, "*")]
        chosen = draw(st.lists(st.sampled_from(keys), min_size=1, max_size=4, unique=True))
        quotas = dict(zip(("group", "value", "sku"), map(list, zip(*chosen, strict=True)), strict=True))
        quotas["max_units"] = column(st.integers(0, 40), len(chosen))
    if minimums:
        requests["minimum"] = column(st.one_of(st.none(), st.integers(0, 30)))
        requests["all_or_nothing"] = column(st.sampled_from((0, 0, 1)))
        supply["minimum"] = column(st.sampled_from((0, 0, 5, 12)), len(skus))
    if bundles:
        requests["exclusive"] = column(st.sampled_from(("", "one", "one", "other")))
    return {"requests": requests, "supply": supply, "retailers": table, "quotas": quotas}


def policies(*, rules: Iterable[str] = RULES, roundings: Iterable[str] = ROUNDINGS) -> st.SearchStrategy[Policy]:
    """Policies with a drawn seed, `priority` with a drawn rule inside among them."""
    seed = st.binary(min_size=32, max_size=32).map(bytes.hex)
    plain = st.builds(Policy, rule=st.sampled_from(list(rules)), rounding=st.sampled_from(list(roundings)), seed=seed)
    tiered = st.builds(
        Policy,
        rule=st.just("priority"),
        inside=st.sampled_from(list(rules)),
        rounding=st.sampled_from(list(roundings)),
        seed=seed,
    )
    return st.one_of(plain, plain, tiered)


def filled_by_the_book(
    lines: list[dict[str, int | str]], supply_packs: int, *, rounding: str = "webster", seed: str = SEED, sku: str = "K"
) -> dict[str, int]:
    """Fill one SKU under max-min by sorting all packs of all lines: the definition, with nothing clever about it.

    `lines` have retailer, eligible, floor (packs) and weight; returns packs by retailer.
    """
    packs = []
    for line in lines:
        for n in range(int(line["floor"]) + 1, int(line["eligible"]) + 1):
            message = f"{sku}\x1f{line['retailer']}\x1f{n}".encode()
            key = _signpost(rounding, n) / int(line["weight"]) ** (2 if rounding == "huntington_hill" else 1)
            packs.append((key, hmac.digest(bytes.fromhex(seed), message, "sha256"), line["retailer"]))
    got = {str(line["retailer"]): int(line["floor"]) for line in lines}
    for _, _, retailer in sorted(packs)[: supply_packs - sum(got.values())]:
        got[str(retailer)] += 1
    return got


def _signpost(rounding: str, n: int) -> Fraction:
    """The signpost of pack n; for Huntington–Hill its square, which orders the same."""
    return {
        "adams": Fraction(n - 1),
        "dean": Fraction(2 * n * (n - 1), 2 * n - 1),
        "huntington_hill": Fraction(n * (n - 1)),
        "webster": Fraction(2 * n - 1, 2),
        "jefferson": Fraction(n),
    }[rounding]
