"""How a draft and what would come of it are said. Plain functions; foreign text leaves them safe."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from textual.content import Content

from ..engines.planning.sentence import sentence
from ..engines.text import one_line
from .draft import MODEL, TRAIN, Checked, Entry
from .panes.wording import plural
from .prospect import Obstacle, Prospect, resolved, said
from .widgets.choice import WORDS

MAIN = {
    "What & where": ("method", "engine", "name"),
    "Data": ("data.valid_rows", "data.format"),
    "Training": ("train.epochs", "train.batch_size", "train.learning_rate"),
    "Adapter": ("lora.rank", "lora.alpha"),
}
"""What the line of a folded group says; of other groups, the first settings."""

Part = tuple[str, str]


def brief(title: str, entries: Sequence[Entry], texts: Mapping[str, str], prospect: Prospect) -> str:
    """What is set in a group, then what its main settings come to."""
    keys = [entry.key for entry in entries if texts.get(entry.key, "").strip()][:3]
    keys += [key for key in MAIN.get(title, [entry.key for entry in entries][:3]) if key not in keys]
    defaults = {entry.key: entry.default for entry in entries}
    words = []
    for key in keys[:4]:
        value = texts.get(key, "").strip() or said(resolved(prospect, key)) or defaults.get(key, "")
        if value:
            words.append(f"{key.rpartition('.')[2]} {WORDS.get(value, one_line(value, 40))}")
    return " · ".join(words)


def data_line(prospect: Prospect, planning: bool) -> Content:
    """Below the field for the dataset: what the file holds."""
    if prospect.plan is None:
        obstacle = prospect.obstacle
        if obstacle is not None and obstacle.key == TRAIN:
            return Content.styled(_in_brief(obstacle), "$error")
        return Content.styled("reading it …" if planning else "", "$quiet")
    data = prospect.plan.document["data"]
    held = data["valid"]["rows"] if data["valid"] else 0
    parts = [f"{plural(data['train']['rows'], 'row')} to train on"]
    parts.append(f"{held:,} held out" if held else "none held out")
    if data["dropped_rows"]:
        parts.append(f"{data['dropped_rows']:,} left out")
    parts.append(one_line(data["format"], 30).replace("_", " "))
    return Content.styled(" · ".join(parts), "$quiet")


def model_line(prospect: Prospect) -> Content:
    """Below the field for the model: whether it lies here, and how large it is."""
    if prospect.plan is None:
        obstacle = prospect.obstacle
        if obstacle is not None and obstacle.key == MODEL:
            return Content.styled(f"✗ {_with_advice(obstacle)}", "$error")
        return Content("")
    model = prospect.plan.document["model"]
    if prospect.must_download:
        return Content.styled("↓ not on this machine: it is downloaded before the training", "$warning")
    count = model.get("parameters")
    parts = ["" if count is None else f"{count / 1e9:.3g}B" if count >= 1e9 else f"{count / 1e6:.3g}M"]
    parts = [f"{parts[0]} parameters"] if parts[0] else []
    parts.append(f"lies here, commit {model['revision'][:7]}" if model.get("revision") else "lies here")
    return Content.styled(" · ".join(parts), "$quiet")


def outcome(checked: Checked, prospect: Prospect, state: str) -> Content:
    """The lines at the bottom: what will happen, or what stands in the way.

    Args:
        state: `planning`, `starting`, or empty: all is known.
    """
    if state == "starting":
        return Content.styled("… the job is created and started", "$primary")
    if checked.errors:
        key, words = next(iter(checked.errors.items()))
        more = f"  And {len(checked.errors) - 1} more." if len(checked.errors) > 1 else ""
        return Content.styled(f"✗ {key}: {one_line(words, 300)}{more}", "$error")
    if checked.missing:
        names = {TRAIN: "a dataset", MODEL: "a model"}
        wanted = " and ".join(names[key] for key in checked.missing)
        return Content.styled(f"It takes {wanted}; every other value has a default.", "$quiet")
    if state == "launching":
        return Content.styled("… it starts as soon as the plan is made: the rows are read", "$primary")
    if state == "planning":
        return Content.styled("… planning: the rows are read and checked", "$quiet")
    if prospect.obstacle is not None:
        return _obstructed(prospect.obstacle)
    if prospect.spec is None or prospect.plan is None:
        return Content("")
    parts: list[Part] = [("✓ ", "$success"), (sentence(prospect.spec, prospect.plan), "")]
    if prospect.must_download:
        parts.append((". The model is downloaded first", "$warning"))
    parts.append((".", ""))
    noted = [problem for problem in prospect.problems if problem.severity != "note"]
    if noted:
        first = noted[0]
        place = f"line {first.line:,}: " if first.line is not None else ""
        count = plural(len(noted), "remark")
        parts.append((f"\n! {count} (Ctrl+R): {place}{one_line(first.message, 200)}", "$warning"))
    return Content.assemble(*parts)


def _obstructed(obstacle: Obstacle) -> Content:
    if obstacle.problems:
        way = "Ctrl+R: leave them out, or see them." if obstacle.droppable else "Ctrl+R shows all."
        return Content.assemble((_fault(obstacle), "$error"), f"\n{one_line(obstacle.advice, 200)} ", way)
    key = f"{obstacle.key}: " if obstacle.key else ""
    return Content.styled(f"✗ {key}{_with_advice(obstacle)}", "$error")


def _fault(obstacle: Obstacle) -> str:
    if not obstacle.problems:
        return f"✗ {_with_advice(obstacle)}"
    if not obstacle.droppable:
        return f"✗ {one_line(obstacle.message, 300)}"
    have = "row has a fault" if obstacle.rows == 1 else "rows have faults; the first"
    return f"✗ {obstacle.rows:,} {have}: {one_line(obstacle.message, 300)}"


def _in_brief(obstacle: Obstacle) -> str:
    if not obstacle.problems:
        return f"✗ {one_line(obstacle.message, 200)}"
    return f"✗ {plural(obstacle.rows, 'fault')}" if obstacle.droppable else "✗ it can't be used as it is"


def _with_advice(obstacle: Obstacle) -> str:
    message = one_line(obstacle.message, 400)
    return f"{message}: {one_line(obstacle.advice, 200)}" if obstacle.advice else message


def about(entry: Entry, prospect: Prospect, error: str) -> Content:
    """The line on the setting that has the focus."""
    parts: list[Part] = [(entry.key, "bold"), (f"  {entry.about}", "")]
    if entry.kind == "text" and entry.choices:
        parts.append((f": {', '.join(entry.choices)}", "$quiet"))
    value = resolved(prospect, entry.key)
    if error:
        parts.append((f"  ✗ {one_line(error, 200)}", "$error"))
    elif value is not None:
        shown = said(value)
        parts.append(
            (f"  {one_line(shown, 60)}{': ' if shown else ''}{one_line(value.reason, 200)}", "$quiet")
        )
    return Content.assemble(*parts)


def first_of(keys: Iterable[str], entries: Sequence[Entry]) -> str | None:
    """Of some settings, the one that stands first in the form."""
    wanted = set(keys)
    return next((entry.key for entry in entries if entry.key in wanted), None)
