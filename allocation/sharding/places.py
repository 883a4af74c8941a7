"""Where shards are kept and worked on: in this process or, in a module of its own, by workers of a Dask cluster."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class Places(Protocol):
    """Keeps one thing a shard and works on all of them; `count` is how many shards there are."""

    count: int

    def keep(self, things: Sequence[Any]) -> Any:
        """Bring one thing to each shard; return a handle on them all."""

    def derive(self, function: Callable[..., Any], kept: Any, *arguments: Any) -> Any:
        """Call a function on each thing kept, and keep what it returns there; return a handle."""

    def ask(self, function: Callable[..., Any], kept: Any, *arguments: Any) -> list[Any]:
        """Call a function on each thing kept, and bring back what it returns, shard by shard."""


@dataclass(frozen=True)
class Here:
    """Shards in this process, one after the other."""

    count: int

    def keep(self, things: Sequence[Any]) -> Sequence[Any]:
        """Keep one thing a shard."""
        return things

    def derive(self, function: Callable[..., Any], kept: Sequence[Any], *arguments: Any) -> Sequence[Any]:
        """Call a function on each thing kept, and keep what it returns."""
        return [function(thing, *arguments) for thing in kept]

    def ask(self, function: Callable[..., Any], kept: Sequence[Any], *arguments: Any) -> list[Any]:
        """Call a function on each thing kept, and return what it returns."""
        return [function(thing, *arguments) for thing in kept]
