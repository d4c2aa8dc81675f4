import os
import signal
import subprocess
import sys
import textwrap

import pytest

from posereg.errors import Interrupted
from posereg.runs.signals import SIGNALS, Signals


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_at_once_where_no_safe_place_is_near(number):
    before = signal.getsignal(number)
    with Signals(), pytest.raises(Interrupted) as caught:
        os.kill(os.getpid(), number)
    assert caught.value.exit_code == 128 + number
    assert signal.getsignal(number) == before


def test_in_training_the_first_waits_for_a_safe_place_and_the_second_does_not(capsys):
    with Signals() as signals:
        signals.deferred = True
        os.kill(os.getpid(), signal.SIGTERM)
        assert "SIGTERM: stopping after this step" in capsys.readouterr().out
        with pytest.raises(Interrupted):
            os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(Interrupted, match="SIGINT"):
        signals.check()


def test_what_others_have_claimed_is_theirs(monkeypatch):
    mine = []
    before = signal.signal(signal.SIGUSR2, lambda *_: mine.append(1))
    ignored = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # nohup
    try:
        with Signals():
            os.kill(os.getpid(), signal.SIGUSR2)
            os.kill(os.getpid(), signal.SIGHUP)
        assert mine == [1]
    finally:
        signal.signal(signal.SIGUSR2, before)
        signal.signal(signal.SIGHUP, ignored)


def test_a_worker_answers_no_signal_but_the_loaders_own():
    program = """
        import os, signal, sys
        from posereg.runs.signals import SIGNALS, spare_worker
        spare_worker()
        for number in SIGNALS:
            os.kill(os.getpid(), number)
        print("alive", flush=True)
        os.kill(os.getpid(), signal.SIGTERM)
        print("never")
    """
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True)
    assert run.stdout == "alive\n"
    assert run.returncode == -signal.SIGTERM
