"""Exit codes as a shell reports them, and the name somebody meant."""

import signal
import subprocess
import sys

import pytest

from posereg.errors import Interrupted, UserError, nearest


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX systems")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_the_exit_code_is_a_shells(number):
    """A process that a signal ends, seen by sh."""
    killed = subprocess.run(["sh", "-c", f"sh -c 'kill -{int(number)} $$'"], capture_output=True).returncode
    error = Interrupted(number)
    assert error.exit_code == (killed if killed > 0 else 128 - killed)
    assert error.name == number.name
    assert str(error) == f"interrupted by {number.name}"


def test_an_interruption_passes_handlers_of_failures():
    def careless():
        try:
            raise Interrupted(signal.SIGTERM)
        except Exception:
            return "taken for a failure"

    with pytest.raises(Interrupted):
        careless()
    assert issubclass(UserError, Exception)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("mpi", ", did you mean 'mpii'?"),
        ("COCO", "; valid: coco, lsp, mpii"),
        ("zzz", "; valid: coco, lsp, mpii"),
        ("", "; valid: coco, lsp, mpii"),
    ],
)
def test_the_nearest_name_or_all_of_them(name, text):
    assert nearest(name, {"mpii", "coco", "lsp"}) == text
