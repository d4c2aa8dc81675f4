"""Tests import helpers that lie beside them (`from shared import shared`)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
