"""The demonstration as a job: the bundled toy model, tuned for real on the bundled data."""

from __future__ import annotations

from pathlib import Path

from ..engine import find_engine
from ..job import Job
from ..settings import Settings
from ..spec import JobSpec, read_spec
from ..store import Store

FOLDER = Path(__file__).resolve().parent


def demo_spec() -> JobSpec:
    """The demonstration's spec; its comments say why its values differ from the defaults."""
    return read_spec(FOLDER / "demo.toml")


def start_demo(settings: Settings) -> Job:
    """Create the demonstration's job and start it.

    Raises:
        EngineError: no interpreter here can train; the message says what each lacks.
    """
    spec = demo_spec()
    engine = find_engine(spec.engine, settings)
    job = Store(settings.home).create(spec, engine.plan(spec))
    engine.start(job)
    return job
