"""The versions that are installed are the versions that the trainer says it was tested with."""

from __future__ import annotations

import json
import subprocess
import sys

from finetui.engines.interpreter import TRAINER
from finetui.engines.local.setup import requirements


def test_the_extra_and_the_trainer_name_the_same_bounds() -> None:
    # Given what the trainer says of itself
    done = subprocess.run([sys.executable, str(TRAINER), "versions"], capture_output=True, check=True)
    bounds = json.loads(done.stdout)["bounds"]

    # Then `setup trainer` installs exactly that
    written = {f"{name}>={low},<{high}" for name, (low, high) in bounds.items()}
    installed = set()
    for requirement in requirements():
        name = requirement.partition("<")[0].partition(">")[0]
        installed.add(name + ",".join(sorted(requirement.removeprefix(name).split(","), reverse=True)))
    assert installed == written
