"""The one line that shows how a long command gets on."""

import io
import sys

import pytest

from tools.progress import HINTS, run


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_sees_the_last_line_in_place():
    out = Terminal()
    assert run("Work", [sys.executable, "-c", "print('one'); print('two')"], out) == 0
    written = out.getvalue()
    assert "one" in written and "two" in written and written.count("\n") == 1 and "Work: done after" in written


def test_a_log_is_not_flooded():
    out = io.StringIO()
    assert run("Work", [sys.executable, "-c", "for i in range(1000): print(i)"], out) == 0
    assert out.getvalue().count("\n") == 1


def test_a_failure_shows_all_that_was_printed():
    out = io.StringIO()
    code = "import sys; print('the cause'); print('more', file=sys.stderr); sys.exit(3)"
    assert run("Work", [sys.executable, "-c", code], out) == 3
    assert "Work: failed after" in out.getvalue() and "the cause" in out.getvalue() and "more" in out.getvalue()


@pytest.mark.parametrize("said", HINTS)
def test_a_known_failure_says_what_to_do(said):
    out = io.StringIO()
    assert run("Work", [sys.executable, "-c", f"print('error: {said}: x'); raise SystemExit(1)"], out) == 1
    assert out.getvalue().splitlines()[-1] == HINTS[said]
