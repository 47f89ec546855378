"""What an app or a command does: creates and starts the job of a TOML file, prints its id, and stays."""

import sys
import time
import tomllib
from pathlib import Path

from finetui.engines.engine import find_engine
from finetui.engines.settings import Settings
from finetui.engines.spec import parse
from finetui.engines.store import Store


def main() -> None:
    path = Path(sys.argv[1])
    settings = Settings.load()
    engine = find_engine("local", settings)
    spec = parse(tomllib.loads(path.read_text()), path.parent)
    job = Store(settings.home).create(spec, engine.plan(spec))
    engine.start(job)
    print(job.id, flush=True)
    time.sleep(600)


if __name__ == "__main__":
    main()
