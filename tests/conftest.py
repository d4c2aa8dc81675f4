"""Tests import what several of them need from `support/` (`from tiny import overrides`), and what one room needs from
beside its tests (`from data.made import poses`). They run on one thread a process."""

import atexit
import os
import shutil
import signal
import socket
import sys
import tempfile
from pathlib import Path

import hypothesis
import pytest

# A busy machine fails no test: an example may take as long as it takes.
hypothesis.settings.register_profile("posereg", deadline=None)
hypothesis.settings.load_profile("posereg")

# Before torch is imported: threads of several test processes would only spin against each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
TESTS = Path(__file__).parent
sys.path[:0] = [str(TESTS), str(TESTS / "support")]

# What is remembered between commands and downloaded (checked configs, models) is the tests' own.
if "POSEREG_CACHE" not in os.environ:
    os.environ["POSEREG_CACHE"] = tempfile.mkdtemp(prefix="posereg-tests-")
    atexit.register(shutil.rmtree, os.environ["POSEREG_CACHE"], ignore_errors=True)

# A shell's background jobs ignore Ctrl-C and nohup's ignore SIGHUP. Tests send both, also to programs that they start,
# which would inherit that.
for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)


@pytest.fixture
def free_port() -> int:
    """A TCP port of this machine that nothing listens on."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port: int = server.getsockname()[1]
        return port
