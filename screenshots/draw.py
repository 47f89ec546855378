"""Draws the pictures of the app, from the real app over real jobs: `make screenshots`, or this with `--only`.

A user's home is made in a temporary folder, and the demo's job trains there for real: once to its end, once
until it is stopped, and once more while pictures are taken (about three minutes). The app runs by Textual's
`run_test` at a terminal's size; what is on its screen is written as SVG and, where Pillow and the fonts are
installed (`pip install -e '.[pictures]'`), as PNG. The one picture that shows GPUs says so in its name: they
are a stand-in for NVIDIA's driver.
"""

# ruff: noqa: T201 (it is a program: what it prints is its result)

from __future__ import annotations

import argparse
import asyncio
import io
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from stage import HERE, HOST, ROOT, Stage, stage

if TYPE_CHECKING:
    import pyte
    from finetui.tui.app import FinetuiApp
    from textual.pilot import Pilot

SEEN_SECONDS = 60.0
"""How long a picture waits for what it is to show."""
QUESTION = "A table for two on Friday at eight, please. Ada"


class Shot:
    """One run of the app, for whoever drives it to its picture."""

    def __init__(self, app: FinetuiApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    def screen(self) -> pyte.Screen:
        """What is on the screen, cell by cell."""
        import pyte
        from rich.console import Console

        size = self.app.size
        console = Console(
            width=size.width,
            height=size.height,
            file=io.StringIO(),
            force_terminal=True,
            color_system="truecolor",
            record=True,
            legacy_windows=False,
        )
        # As App.export_screenshot of Textual 8.2.8 has it.
        shown = self.app.screen._compositor.render_update(
            full=True, screen_stack=self.app._background_screens
        )
        console.print(shown, end="")
        screen = pyte.Screen(size.width, size.height)
        text = console.export_text(styles=True).rstrip("\n").replace("\n", "\r\n")
        pyte.Stream(screen).feed(text)
        return screen

    async def until(self, *texts: str) -> None:
        """Wait until all of these are on the screen.

        Raises:
            TimeoutError: they never are; the screen is in the message.
        """
        end = time.monotonic() + SEEN_SECONDS
        while time.monotonic() < end:
            shown = "\n".join(self.screen().display)
            if all(text in shown for text in texts):
                return
            await self.pilot.pause(0.1)
        raise TimeoutError(f"{texts} not shown:\n" + "\n".join(self.screen().display))

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause(0.2)

    async def write(self, text: str) -> None:
        await self.press(*("space" if character == " " else character for character in text))

    async def rest(self, seconds: float = 1.0) -> None:
        await self.pilot.pause(seconds)

    async def select(self, state: str, name: str | None = None) -> None:
        """Go down the jobs until one in this state, and of this name, is selected.

        Raises:
            LookupError: there is none.
        """
        await self.press("g")
        for _ in range(12):
            selected = self.app.main.selected
            if selected is not None and selected.state.state == state and name in (None, selected.name):
                return
            await self.press("j")
        raise LookupError(f"no job that is {state}")


async def main_screen(shot: Shot) -> None:
    await shot.until("● ", "CPU")
    await shot.select("running")
    while shot.app.main.loss.chart.empty:
        await shot.rest(0.05)
    await shot.rest(3)  # a few looks at the machine


async def compared(shot: Shot) -> None:
    """The running job's curve beside those of jobs that are marked."""
    await shot.until("● ")
    for state in ("succeeded", "paused"):
        await shot.select(state)
        await shot.press("space")
    await main_screen(shot)
    await shot.press("L")
    await shot.rest(1)


async def job_page(shot: Shot) -> None:
    await shot.until("● ")
    await shot.select("running")
    await shot.press("enter")
    await shot.rest(3)


async def new_job(shot: Shot) -> None:
    await shot.until("✓ ")
    await shot.select("succeeded", "bookings")
    await shot.press("d")
    await shot.until("updates of")  # the plan, in a sentence
    await shot.press("ctrl+t")
    await shot.rest(2)


async def playground(shot: Shot) -> None:
    await shot.until("✓ ")
    await shot.select("succeeded", "bookings")
    await shot.press("p")
    await shot.rest(2)
    await shot.write(QUESTION)
    await shot.press("enter")
    # The tuned model's answer, which is JSON
    await shot.until('"guests"')
    await shot.rest(4)


async def dataset(shot: Shot) -> None:
    await shot.until("✓ ", "train")
    await shot.press("2")
    await shot.press("enter")
    await shot.until("row 1 of")
    await shot.rest(8)  # the model's template has rendered it


async def first_start(shot: Shot) -> None:
    await shot.until("Welcome")
    await shot.rest(3)


@dataclass(frozen=True)
class Picture:
    """`cell`: pixels of a cell in the PNG; `home`: the folder of jobs on the stage."""

    size: tuple[int, int]
    drive: Callable[[Shot], Awaitable[None]]
    cell: tuple[int, int] = (14, 30)
    home: str = "finetui"


SMALL, WIDE, LARGE = (80, 24), (120, 36), (180, 50)
PICTURES = {
    "main-80x24": Picture(SMALL, main_screen),
    "main-180x50": Picture(LARGE, compared, (9, 20)),
    "main-gpu-stand-in": Picture(WIDE, compared, (12, 26)),
    "job-page": Picture(WIDE, job_page, (12, 26)),
    "new-job": Picture(WIDE, new_job, (12, 26)),
    "playground": Picture(SMALL, playground),
    "dataset": Picture(SMALL, dataset),
    "first-start": Picture(SMALL, first_start, home="nothing-yet"),
}
WHILE_A_JOB_RUNS = ("main-80x24", "main-180x50", "main-gpu-stand-in", "job-page")
GPUS = "main-gpu-stand-in"


async def draw(name: str, out: Path) -> None:
    """Draw one picture of the home that the environment names."""
    from finetui.engines.settings import Settings
    from finetui.tui.app import FinetuiApp

    picture = PICTURES[name]
    app = FinetuiApp(Settings.load())
    async with app.run_test(size=picture.size) as pilot:
        shot = Shot(app, pilot)
        try:
            await picture.drive(shot)
        except (TimeoutError, LookupError) as error:
            print(f"{name}: {error}", file=sys.stderr)
            raise SystemExit(1) from None
        app.clear_notifications()
        await shot.rest(0.3)
        screen, svg = shot.screen(), app.export_screenshot(title=f"finetui on {HOST}")
    (out / f"{name}.svg").write_text(svg, "utf-8")
    written = f"{name}.svg"
    try:
        from paint import Painter

        image = Painter(*picture.cell).picture(screen, margin=picture.cell[0])
    except ImportError:
        written += " (no PNG: Pillow is not installed)"
    else:
        # 128 colours are more than a screen has beside the edges of its letters.
        image.quantize(128).save(out / f"{name}.png", optimize=True)
        written += f", {name}.png"
    print(written, flush=True)


class Theatre:
    """Jobs on the stage, and the app before them."""

    def __init__(self, stage: Stage, out: Path) -> None:
        self._stage, self._out = stage, out
        demo, own = stage.package / "engines" / "demo", stage.folder / "bookings"
        shutil.copytree(demo / "model", own / "model")
        shutil.copytree(demo / "data", own / "data")
        shutil.copy(demo / "demo.toml", own / "bookings.toml")
        self._spec = own / "bookings.toml"

    def command(self, *arguments: str) -> str:
        """Run the command line there; what it prints on stdout.

        Raises:
            SystemExit: it failed; it has said why.
        """
        done = subprocess.run(
            [str(self._stage.python), "-m", "finetui.tui.cli", *arguments],
            cwd=self._stage.folder,
            env=self._stage.environment(),
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"finetui {' '.join(arguments)}: exit code {done.returncode}")
        return done.stdout

    def start(self, name: str, *changes: str) -> str:
        """Start the demo's job under a name; its id."""
        sets = [word for change in (f"name={name}", *changes) for word in ("--set", change)]
        return json.loads(self.command("run", str(self._spec), *sets, "--json"))["id"]

    def state(self, job: str) -> dict[str, Any]:
        return json.loads((self._stage.folder / "finetui" / "jobs" / job / "state.json").read_text())

    def wait(self, job: str, ready: Callable[[dict[str, Any]], bool], what: str) -> None:
        print(f"waiting for {what} …", flush=True)
        while not ready(state := self.state(job)):
            if state["state"] in ("failed", "cancelled"):
                raise SystemExit(f"{job} is {state['state']}: {state.get('message')}")
            time.sleep(0.3)

    def draw(self, name: str) -> bool:
        """One picture, by a process of its own."""
        environment = self._stage.environment(PICTURES[name].home)
        if name == GPUS:
            gpus = self._gpus(environment)
            if gpus is None:
                return True
            environment = gpus
        done = subprocess.run(
            [str(self._stage.python), str(HERE / "draw.py"), "--here", name, "--out", str(self._out)],
            cwd=self._stage.folder,
            env=environment,
            check=False,
        )
        return done.returncode == 0

    def _gpus(self, environment: dict[str, str]) -> dict[str, str] | None:
        """An environment in which the machine has two GPUs, on one of which the running job has memory."""
        sys.path.insert(0, str(ROOT / "tests"))
        from nvml.stand_in import GIB, NoCompiler, StandIn

        try:
            machine = StandIn(self._stage.folder / "nvml")
        except NoCompiler as reason:
            print(f"{GPUS} is left out: {reason}")
            return None
        machine.set_gpu(0, utilisation=0.93, temperature_celsius=61, power_watts=412)
        machine.set_gpu(1, memory_used_bytes=3 * GIB, utilisation=0.0, temperature_celsius=38)
        for job in (self._stage.folder / "finetui" / "jobs").iterdir():
            state = self.state(job.name)
            if state["state"] == "running" and state.get("trainer"):
                machine.add_process(0, state["trainer"]["pid"], 41 * GIB)
        return machine.environment(environment)


def draw_all(names: list[str], out: Path) -> int:
    """Make the home, let jobs train there, and draw; how many pictures failed."""
    with stage() as home:
        theatre = Theatre(home, out)
        failed = []
        try:
            done = theatre.start("bookings")
            theatre.wait(done, lambda state: state["state"] == "succeeded", "a job to end")
            stopped = theatre.start("bookings-slow", "train.learning_rate=1e-4")
            theatre.wait(stopped, lambda state: (state.get("step") or 0) >= 30, "a job to stop")
            theatre.command("stop", stopped)
            theatre.wait(stopped, lambda state: state["state"] == "paused", "it to save what it has")
            running = theatre.start(
                "bookings-r64", "lora.rank=64", "train.learning_rate=2e-4", "train.epochs=6"
            )
            theatre.start("bookings-lora", "method=lora")
            theatre.wait(running, lambda state: (state.get("step") or 0) >= 70, "a job to go on")
            for name in sorted(names, key=lambda name: name not in WHILE_A_JOB_RUNS):
                if not theatre.draw(name):
                    failed.append(name)
        finally:
            for job in (home.folder / "finetui" / "jobs").glob("*"):
                if theatre.state(job.name)["state"] not in ("succeeded", "failed", "cancelled", "paused"):
                    theatre.command("stop", "--now", job.name)
    if failed:
        print(f"not drawn: {', '.join(failed)}", file=sys.stderr)
    return len(failed)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    arguments.add_argument("--only", nargs="+", choices=PICTURES, default=list(PICTURES))
    arguments.add_argument("--out", type=Path, default=HERE, help="where the pictures go")
    arguments.add_argument("--here", choices=PICTURES, help="draw one of $FINETUI_HOME, make nothing")
    asked = arguments.parse_args()
    out = asked.out.resolve()
    if asked.here:
        asyncio.run(draw(asked.here, out))
        return 0
    return 1 if draw_all(asked.only, out) else 0


if __name__ == "__main__":
    sys.exit(main())
