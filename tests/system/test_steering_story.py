"""Two terminals under the distributor's hand, over the real broker: settings, a command, and a rollout to both."""

from pathlib import Path
from typing import Any

import pytest
from running import SHOPS, Town, until

from firmware_sim.identities import let_in
from terminal_client.app import Terminal
from terminal_client.core import commands, shadow

pytestmark = [pytest.mark.system, pytest.mark.slow]
DEADLINE_S = 120.0


def enrolled(town: Town, till: Terminal) -> str:
    """Let a terminal in; return its name."""
    let_in(till, town.planner, town.code_for(SHOPS[0]))
    identity = till.store.identity()
    assert identity is not None
    return identity.device


def test_settings_commands_and_a_rollout_reach_terminals_and_come_back_with_their_words(
    town: Town, tmp_path: Path
) -> None:
    flo = town.stage.sign_in("flo", "fleet")
    with (
        Terminal(tmp_path / "first", town.stage.url) as first,
        Terminal(tmp_path / "second", town.stage.url) as second,
    ):
        named = [enrolled(town, till) for till in (first, second)]
        assert first.wait_until(
            lambda: first.engine.link == "mqtt" and second.engine.link == "mqtt", deadline_s=DEADLINE_S
        )

        flo.post(
            "/api/v1/steering/settings", {"devices": named[:1], "settings": {"size": {"value": "large", "held": True}}}
        )
        assert first.wait_until(lambda: shadow.bound(first.store) == {"size"}, deadline_s=DEADLINE_S)
        assert shadow.bound(second.store) == frozenset()

        def reported() -> dict[str, Any] | None:
            told: dict[str, Any] = flo.get(f"/api/v1/steering/{named[0]}/shadow")
            return told if told["applied_version"] == 1 and not told["delta"] else None

        assert until("the report", reported, within_s=DEADLINE_S)["reported"]["size"] == "large"

        first.stop()
        body = {"devices": named[:1], "kind": "diagnose", "minutes": 30}
        (asked,) = flo.post("/api/v1/steering/commands", body)["commands"]
        first.start()

        def answered() -> dict[str, Any] | None:
            found: dict[str, Any] = flo.get(f"/api/v1/steering/commands/{asked}")
            return found if found["state"] == "succeeded" else None

        assert until("the diagnosis", answered, within_s=DEADLINE_S)["brought"]["facts"]["connection"] in (
            "mqtt",
            "http",
        )

        wanted = {
            "name": "everyone exchanges",
            "kind": "identify",
            "rings": [{"name": "canary", "share_percent": 50}, {"name": "all", "share_percent": 100}],
        }
        rollout = flo.post("/api/v1/rollouts", wanted)["rollout"]

        def completed() -> dict[str, Any] | None:
            found: dict[str, Any] = flo.get(f"/api/v1/rollouts/{rollout}")
            return found if found["rollout"]["settled_at"] else None

        found = until("the end of the rollout", completed, within_s=DEADLINE_S)
        assert (found["rollout"]["state"], found["rings"]) == ("completed", [{"succeeded": 1}, {"succeeded": 1}])
        for till in (first, second):
            assert [one.kind for one in commands.newest(till.store, 1)] == ["identify"]
