"""Shards on the workers of a Dask cluster. Only this module imports Dask."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from allocation.errors import ClusterError

_LOCAL: Final = "local:"
_REACHED_WITHIN_S: Final = 10


@dataclass(frozen=True)
class OnDask:
    """Shards kept by the workers of a cluster; see :class:`allocation.sharding.places.Places`."""

    client: Any
    count: int

    def keep(self, things: Sequence[Any]) -> list[Any]:
        """Send one thing to each shard."""
        return [self.client.scatter(thing, hash=False) for thing in things]

    def derive(self, function: Callable[..., Any], kept: Sequence[Any], *arguments: Any) -> list[Any]:
        """Call a function where each thing is, and leave what it returns there."""
        return [self.client.submit(function, thing, *arguments, pure=False) for thing in kept]

    def ask(self, function: Callable[..., Any], kept: Sequence[Any], *arguments: Any) -> list[Any]:
        """Call a function where each thing is, and bring back what it returns."""
        found: list[Any] = self.client.gather(self.derive(function, kept, *arguments))
        return found


@contextmanager
def on_dask(address: str, shards: int | None) -> Iterator[OnDask]:
    """Reach a cluster, or start one of local processes that ends with this context.

    Parameters
    ----------
    address
        Of a scheduler, such as ``tcp://host:8786``; ``local:N`` starts N worker processes on this machine.
    shards
        How many; as many as there are workers where None.

    Raises
    ------
    ClusterError
        Where Dask is not installed, the number of workers is none, or no scheduler answers.
    """
    try:
        import distributed  # noqa: PLC0415  # an extra
    except ImportError:
        raise ClusterError("--dask needs Dask; in a clone: pip install '.[dask]'") from None
    if not address.startswith(_LOCAL):
        try:
            client = _untyped(distributed.Client)(address, timeout=_REACHED_WITHIN_S)
        except (OSError, ValueError) as error:
            raise ClusterError(f"no Dask scheduler answers at {address}: {error}") from error
        with client:
            yield OnDask(client, shards or max(1, len(client.scheduler_info()["workers"])))
        return
    number = address.removeprefix(_LOCAL)
    if not number.isascii() or not number.isdigit() or int(number) < 1:
        raise ClusterError(f"--dask {address}: give a number of workers, such as {_LOCAL}2")
    cluster = _untyped(distributed.LocalCluster)(
        n_workers=int(number),
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address=None,
        silence_logs=logging.CRITICAL,  # a worker that is told to end says that its connection is lost
    )
    with cluster, _untyped(distributed.Client)(cluster) as client:
        yield OnDask(client, shards or int(number))


def _untyped(made_by: Any) -> Any:
    """Distributed has no types for what it makes."""
    return made_by
