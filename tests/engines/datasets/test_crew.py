"""Processes that look at blocks are ended at any time, also in the middle of handing over what they found."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from finetui.engines.datasets.checking.crew import SMALL_BYTES

LEAVES_EARLY = """
import sys
from finetui.engines.datasets.checking.crew import examined, hands
from finetui.engines.datasets.sources.source import Block

class Talkative:
    def examine(self, block):
        return b"x" * (64 << 20)
    def close(self):
        pass

assert hands() > 1
for _ in range(4):
    parts = examined((Block(b"x" * (1 << 20), ()) for _ in range(50)), Talkative, int(sys.argv[1]))
    next(parts)
    parts.close()
print("done")
"""


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core: no process is forked")
def test_who_leaves_early_does_not_wait_for_half_a_word() -> None:
    command = [sys.executable, "-c", LEAVES_EARLY, str(SMALL_BYTES + 1)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("done\n", "")
