"""Compiled kernels are an extra: the same answer without them."""

import subprocess
import sys

import pytest

from allocation import compiled

numba = pytest.importorskip("numba", reason="numba is not installed")


def test_kernels_are_left_out_within_the_context_alone():
    assert compiled.worth_it(compiled.WORTH_COMPILING_LINES)
    with compiled.without():
        assert not compiled.available()
        assert not compiled.worth_it(10**9)
    assert compiled.available()
    assert not compiled.worth_it(compiled.WORTH_COMPILING_LINES - 1)


def test_a_kernel_is_compiled_and_lets_go_of_the_lock():
    kernel = compiled.jit(_three_times)

    assert kernel(14) == 42
    assert kernel.signatures
    assert kernel.targetoptions["nogil"]


def test_a_kernel_is_left_as_it_is_where_numba_is_absent(monkeypatch):
    monkeypatch.setattr(compiled, "_installed", lambda: False)

    assert compiled.jit(_three_times) is _three_times
    assert not compiled.available()


def test_importing_the_library_and_solving_a_small_problem_does_without_numba():
    code = (
        "import sys; from allocation import Policy, Problem, solve;"
        "solve(Problem.from_columns({'retailer': ['a', 'b'], 'sku': ['k'] * 2, 'requested': [5, 5]},"
        " {'sku': ['k'], 'supply': [7]}), Policy(seed='00' * 32));"
        "sys.exit('numba' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow
def test_kept_code_is_made_anew_when_a_kernel_that_it_calls_has_changed(tmp_path):
    (tmp_path / "inner_kernels.py").write_text(
        "from allocation.compiled import jit\n\n@jit\ndef inner(number):\n    return number + 1\n", "utf-8"
    )
    (tmp_path / "outer_kernels.py").write_text(
        "from allocation.compiled import jit\nfrom inner_kernels import inner\n\n"
        "@jit\ndef outer(number):\n    return 10 * inner(number)\n",
        "utf-8",
    )
    code = (
        f"import sys; sys.path[:0] = ['.', {str(tmp_path)!r}]\n"
        "from outer_kernels import outer\n"
        "print(outer(3), sum(outer.stats.cache_hits.values()))"
    )

    def answer():
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert answer() == ["40", "0"]
    assert answer() == ["40", "1"]
    inner = tmp_path / "inner_kernels.py"
    inner.write_text(inner.read_text("utf-8").replace("number + 1", "number + 2"), "utf-8")
    assert answer() == ["50", "0"]


def _three_times(number):
    return 3 * number
