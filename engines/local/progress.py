"""What a trainer has said and measured, folded into the fields of a job's state: live, or after its end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..follow import Follower
from ..job import JobPaths, State
from ..records import parse_lines


class Progress:
    """Follows progress.jsonl and metrics.jsonl of one attempt by new bytes only."""

    def __init__(self, paths: JobPaths, state: State) -> None:
        """
        Args:
            state: before this attempt; what it knows (first losses, peak memory) goes on.
        """
        self._progress, self._metrics = Follower(paths.progress), Follower(paths.metrics)
        self._attempt = state.attempt
        self._fields: dict[str, Any] = {
            "first_loss": state.first_loss,
            "first_eval_loss": state.first_eval_loss,
            "peak_memory_bytes": state.peak_memory_bytes,
        }
        self.news: list[dict[str, Any]] = []
        """Notes and checkpoints that are to become events; whoever has told of one takes it out."""
        self.outcome: dict[str, Any] | None = None
        self.heard = False
        """Whether the trainer has said anything in this attempt."""

    def read(self) -> dict[str, Any]:
        """Take in what is new.

        Returns:
            All fields of `State` that are known by now.
        """
        for line in _news(self._progress):
            if line.get("attempt") != self._attempt:
                continue
            self.heard = True
            match line.get("kind"):
                case "phase":
                    for name in ("phase", "done", "total", "unit"):
                        self._fields[name] = line.get(name)
                case "total":
                    self._fields["total_steps"] = line.get("total_steps")
                case "outcome":
                    self.outcome = line
                case "note" | "checkpoint":
                    self.news.append(line)
        for line in _news(self._metrics):
            if line.get("attempt") == self._attempt:
                self._take_metrics(line)
        return dict(self._fields)

    def _take_metrics(self, line: dict[str, Any]) -> None:
        fields = self._fields
        for name in ("step", "epoch", "loss", "eval_loss"):
            if line.get(name) is not None:
                fields[name] = line[name]
        for name in ("loss", "eval_loss"):
            if fields[f"first_{name}"] is None and line.get(name) is not None:
                fields[f"first_{name}"] = line[name]
        if (memory := line.get("memory_bytes")) is not None:
            fields["peak_memory_bytes"] = max(fields["peak_memory_bytes"] or 0, int(memory))


def _news(follower: Follower) -> Iterator[dict[str, Any]]:
    yield from parse_lines(follower.read())
    while follower.more:
        yield from parse_lines(follower.read())
