"""Compiled kernels: numba where it is installed, and plain Python where it is not, with the same bytes.

A kernel is a function of arrays and numbers marked with :func:`jit`; kernels stand in modules of their own, since
importing numba takes most of a second. Whoever calls a kernel asks :func:`available` first, imports the kernel's module
inside the function that needs it, and has another way, in numpy or plain Python, that gives the same answer. Small
problems go that other way always. Compiled code is kept on disk, so that only the first run on a machine waits for it.

Kernels let go of Python's lock; whoever wants both cores gives disjoint slices to threads.

A kernel may call kernels of other files in its folder, named ``…_kernels.py``, and use constants of its own file and of
``kernel_constants.py`` there: kept code is good only as long as none of these files has changed.
"""

import hashlib
import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

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

    compiled: Any = numba.njit(nogil=True)(kernel)
    with suppress(RuntimeError):  # nowhere to keep compiled code: neither beside the module nor in the user's cache
        compiled._cache = _keeper(kernel)  # noqa: SLF001  # numba has no public way to say when code is stale
    kept: Kernel = compiled
    return kept


def _keeper(kernel: Callable[..., Any]) -> Any:
    """Return numba's cache of a kernel's compiled code, but stamped with all kernels that it may call.

    By itself numba looks at the file of the outermost function alone, and goes on with an old copy of the others.
    """
    from numba.core import caching  # noqa: PLC0415  # most of a second; only modules of kernels pay it

    keeper: Any = caching.FunctionCache(kernel)
    implementation = keeper._impl  # noqa: SLF001  # as above: the stamp has no public place
    stamp = implementation.locator.get_source_stamp(), _stamp(Path(kernel.__code__.co_filename).parent)
    file = caching.IndexDataCacheFile(keeper.cache_path, implementation.filename_base, stamp)
    keeper._cache_file = file  # noqa: SLF001  # as above
    return keeper


@cache
def _stamp(folder: Path) -> str:
    """Return a hash of the kernels and constants of a folder."""
    stamp = hashlib.sha256()
    for file in sorted([*folder.glob("*_kernels.py"), *folder.glob("kernel_constants.py")]):
        stamp.update(f"{file.name}\n".encode() + file.read_bytes())
    return stamp.hexdigest()


def plain(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a column in plain memory and read-only, so that kernels are compiled for one kind of array."""
    in_plain_memory = np.ascontiguousarray(column).view()
    in_plain_memory.setflags(write=False)
    return in_plain_memory


@cache
def _installed() -> bool:
    return importlib.util.find_spec("numba") is not None
