"""Work on parts of the lines side by side, on all cores, with the answers in the order of the parts."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

Answer = TypeVar("Answer")


def side_by_side(work: Callable[[slice], Answer], parts: Iterable[slice]) -> Iterator[Answer]:
    """Yield the work on each part in order; no more parts are begun ahead of the reader than there are cores.

    Work is shared among threads, so that it pays where it lets go of Python's lock.
    """
    threads = os.cpu_count() or 1
    waiting: deque[Future[Answer]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for part in parts:
                waiting.append(pool.submit(copy_context().run, work, part))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
