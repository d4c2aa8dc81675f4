"""Tests import helpers that lie beside them (`from shared import shared`) and run on one thread a process."""

import os
import sys
from pathlib import Path

# Before torch is imported: threads of several test processes would only spin against each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent))
