"""Compiled kernels: numba where it is installed, and plain Python where it is not, with the same bytes.

A kernel is a function of arrays and numbers marked with :func:`jit`; kernels stand in modules of their own, since
importing numba takes most of a second. Whoever calls a kernel asks :func:`available` first, imports the kernel's module
inside the function that needs it, and has another way, in numpy or plain Python, that gives the same answer. Small
problems go that other way always. Compiled code is kept on disk, so that only the first run on a machine waits for it.

Kernels let go of Python's lock; whoever wants both cores gives disjoint slices to threads.
"""

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, Final, TypeVar

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

WORTH_COMPILING_LINES: Final = 200_000
"""Below this many lines, the plain way is done before numba is imported and has loaded its kernels."""

_left_out: ContextVar[bool] = ContextVar("compiled kernels left out", default=False)


def available() -> bool:
    """Say whether kernels can be compiled here and are not left out by :func:`without`."""
    return _installed() and not _left_out.get()


def worth_it(lines: int) -> bool:
    """Say whether the compiled way is open and pays for so many lines."""
    return lines >= WORTH_COMPILING_LINES and available()


@contextmanager
def without() -> Iterator[None]:
    """Take the plain way within this context, as where numba is not installed."""
    token = _left_out.set(True)
    try:
        yield
    finally:
        _left_out.reset(token)


def jit(kernel: Kernel) -> Kernel:
    """Compile a kernel at its first call, for the types of its arguments; leave it as it is where numba is absent."""
    if not _installed():
        return kernel
    import numba  # noqa: PLC0415  # most of a second; only modules of kernels pay it

    try:
        compiled: Kernel = numba.njit(cache=True, nogil=True)(kernel)
    except RuntimeError:  # nowhere to keep compiled code: neither beside the module nor in the user's cache
        compiled = numba.njit(nogil=True)(kernel)
    return compiled


@cache
def _installed() -> bool:
    return importlib.util.find_spec("numba") is not None
