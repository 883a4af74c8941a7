"""Problems in which lines meet in every kind of constraint, and policies for them."""

import random

from allocation_problems import ROUNDINGS, RULES

from allocation import Policy, Problem


def a_problem(rng: random.Random, most_retailers: int = 25) -> Problem:
    """A problem with every kind of constraint, few weights and round numbers, so that ties abound."""
    retailers = [f"r{i:02d}" for i in range(rng.randint(1, rng.choice((3, 6, most_retailers))))]
    skus = [f"s{i}" for i in range(rng.randint(1, rng.choice((2, 4, 8))))]
    pairs = [(r, s) for r in retailers for s in skus if rng.random() < 0.8] or [(retailers[0], skus[0])]
    heaviest, most = rng.choice((1, 2, 3, 30, 1000)), rng.choice((3, 10, 40, 400))
    alike, many = rng.random() < 0.3, len(retailers) * most

    def column(values, entries=pairs):
        return [values() for _ in entries]

    requests = {
        "retailer": [r for r, _ in pairs],
        "sku": [s for _, s in pairs],
        "requested": column(lambda: most if alike else rng.randint(0, most)),
        "floor": column(lambda: rng.choice((0, 0, 0, 1, 3))) if rng.random() < 0.5 else [0] * len(pairs),
        "cap": column(lambda: rng.choice((None, None, rng.randint(0, most)))),
    }
    if rng.random() < 0.6:
        requests["weight"] = column(lambda: rng.randint(1, heaviest))
    if rng.random() < 0.3:
        requests["carry"] = column(lambda: rng.choice((0, 500, -1000, 1000, rng.randint(-1000, 1000))))
    packs = (1, 1, 2, 3, 12) if rng.random() < 0.7 else (1,)
    supply = {
        "sku": skus,
        "supply": column(lambda: rng.randint(0, many), skus),
        "pack": column(lambda: rng.choice(packs), skus),
        "price_minor": column(lambda: rng.choice((0, 1, 1, 5, rng.randint(1, 99))), skus),
    }
    table = {
        "retailer": retailers,
        "weight": column(lambda: rng.randint(1, heaviest), retailers),
        "group:tier": column(lambda: rng.choice("12"), retailers),
        "group:region": column(lambda: rng.choice(("n", "s", "")), retailers),
        "group:type": column(lambda: rng.choice("xy"), retailers),
    }
    if rng.random() < 0.7:
        table["credit_minor"] = column(lambda: rng.choice((None, rng.randint(0, len(skus) * most * 10))), retailers)
    if rng.random() < 0.5:
        table["max_units"] = column(lambda: rng.choice((None, rng.randint(0, len(skus) * most))), retailers)
    scopes = [
        (g, v, s) for g, vs in (("region", "ns"), ("tier", "12"), ("type", "xy")) for v in vs for s in (*skus, "*")
    ]
    chosen = rng.sample(scopes, rng.randint(1, min(6, len(scopes))))
    quotas = dict(zip(("group", "value", "sku"), map(list, zip(*chosen, strict=True)), strict=True))
    quotas["max_units"] = column(lambda: rng.randint(0, many), chosen)
    return Problem.from_columns(requests, supply, table, quotas)


def a_policy(rng: random.Random) -> Policy:
    tiered = rng.random() < 0.3
    rule = rng.choice(RULES)
    return Policy(
        rule="priority" if tiered else rule,
        inside=rule if tiered else None,
        rounding=rng.choice(ROUNDINGS),
        seed=f"{rng.getrandbits(256):064x}",
    )
