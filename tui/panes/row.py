"""A dataset's row on the screen: as tokens, as turns, or as it stands in the file where it can't be used.

What is trained has a bar at its left beside its colour; a line never holds both, so the bar is exact. Line
breaks, tabs and control characters are seen, special tokens stand in ⟨ ⟩.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from textual.content import Content

from ...engines.datasets.problem import Problem
from ...engines.datasets.read import Row
from ...engines.datasets.tokens.preview import Token
from ...engines.datasets.viewing.rows import NumberedRow
from ...engines.text import clean
from .pane import PaneCanvas
from .wording import by_keys

TRAINED, SPECIAL, SIGN, ROLE = "$success", "$primary", "$chart-axis", "bold $quiet"
MOST_CHARACTERS = 500_000
"""Of a row that are shown: it is laid out at once."""
MATCH = "bold underline $background on $warning"
MARKS = {"error": ("✗ ", "$error"), "warning": ("! ", "$warning"), "note": ("· ", "$quiet")}

_SIGNS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Line:
    """A line before it is wrapped. `trained`: it has the bar; `found`: words that are searched."""

    content: Content
    trained: bool = False
    found: bool = False


class RowText(PaneCanvas):
    """Shows lines, wrapped, with the bar of those that are trained."""

    ALLOW_SELECT = True

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown: Sequence[Line] = ()
        self._wrapped: list[Line] = []
        self._wrapped_width = -1
        self._seeks = False

    def show(self, lines: Sequence[Line], *, anew: bool, seek: bool = False) -> None:
        """Show these.

        Args:
            anew: from the first, else where one was.
            seek: from where the first words are that were searched.
        """
        self._shown, self._wrapped_width = lines, -1
        self._seeks = seek
        if anew:
            self.top = 0
        self.repaint()

    def lay_out(self, width: int, height: int) -> int:
        if width != self._wrapped_width:
            self._wrapped_width = width
            room = max(width - 4, 8)
            self._wrapped = [
                Line(part, line.trained, line.found and any(span.style == MATCH for span in part.spans))
                for line in self._shown
                for part in (line.content.wrap(room) if line.content.cell_length > room else [line.content])
            ]
            if self._seeks:
                self._seeks = False
                place = next((place for place, line in enumerate(self._wrapped) if line.found), 0)
                # In view from the top where it can be: the row's beginning says whose text it is.
                self.top = 0 if place < height - 2 else place - height // 3
        return len(self._wrapped)

    def line(self, index: int, width: int) -> Content:
        line = self._wrapped[index]
        return Content.assemble((" ▌ " if line.trained else "   ", TRAINED), line.content)


class _Lines:
    """Gathers runs of text into lines."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self._parts: list[tuple[str, str]] = []
        self._trained = False

    @property
    def begun(self) -> bool:
        return bool(self._parts)

    def add(self, text: str, style: str = "", trained: bool = False) -> None:
        """A piece of text; its line breaks are shown and end the line."""
        *whole, rest = text.split("\n")
        for part in whole:
            self._run(part, style, trained)
            self._parts.append(("↵", SIGN))
            self._trained |= trained
            self.end()
        self._run(rest, style, trained)

    def _run(self, text: str, style: str, trained: bool) -> None:
        self._trained |= trained and bool(text)
        for piece, is_sign in visible(text):
            piece_style = SIGN if is_sign else style
            if self._parts and self._parts[-1][1] == piece_style:
                self._parts[-1] = (self._parts[-1][0] + piece, piece_style)
            else:
                self._parts.append((piece, piece_style))

    def end(self) -> None:
        """The next text begins a line."""
        if self._parts:
            self.lines.append(Line(Content.assemble(*self._parts), self._trained))
        self._parts, self._trained = [], False


def visible(text: str) -> Iterator[tuple[str, bool]]:
    """Foreign text in pieces that a terminal can show; with each, whether it is a sign for what it can't."""
    place = 0
    for match in _SIGNS.finditer(text):
        if plain := clean(text[place : match.start()]):
            yield plain, False
        yield _sign(match[0]), True
        place = match.end()
    if plain := clean(text[place:]):
        yield plain, False


def _sign(character: str) -> str:
    code = ord(character)
    if character == "\t":
        return "⇥ "
    # Unicode's control pictures (U+2400) have one for each of C0 and for DEL.
    return chr(0x2400 + code) if code < 32 else "␡" if code == 127 else f"\\x{code:02x}"


def of_tokens(tokens: Sequence[Token]) -> list[Line]:
    """A rendered row as running text."""
    lines = _Lines()
    trained = False
    before: Token | None = None
    length = 0
    for place, token in enumerate(tokens):
        length += len(token.text)
        if length > MOST_CHARACTERS:
            lines.end()
            lines.add(f"… and {len(tokens) - place:,} more tokens", "$quiet")
            break
        if token.text and token.trained != trained and not token.text.isspace():
            lines.end()
            trained = token.trained
        # Where a template puts no line break between turns, one is seen between their special tokens.
        elif token.special and before is not None and before.special and place > 1:
            lines.end()
        if token.special:
            lines.add(_bracketed(token.text), SPECIAL, token.trained)
        else:
            lines.add(token.text, TRAINED if token.trained else "", token.trained)
        if token.text:
            before = token
    lines.end()
    return lines.lines


def _bracketed(text: str) -> str:
    inside = text[1:-1] if len(text) > 2 and text[0] == "<" and text[-1] == ">" else text
    return f"⟨{inside}⟩"


def of_row(row: Row) -> list[Line]:
    """A canonical row (`read.Row`) without a template, each turn under its role; answers are trained."""
    lines = _Lines()
    body = row.body
    if tools := body.get("tools"):
        _part(lines, "tools", "", False)
        for tool in tools:
            _part(lines, "", json.dumps(tool, ensure_ascii=False), False)
    compared = "chosen" in body
    for message in body.get("messages", ()):
        # Of a preference the two answers alone are learned from.
        trained = message["role"] == "assistant" and message.get("train") is not False and not compared
        _turn(lines, message, trained)
    if "text" in body:
        _part(lines, "", body["text"], True)
    if "prompt" in body:
        _part(lines, "prompt", body["prompt"], False)
    for key, title in (
        ("completion", "completion"),
        ("chosen", "chosen: more like this"),
        ("rejected", "rejected: less like this"),
    ):
        if key not in body:
            continue
        if isinstance(answer := body[key], str):
            _part(lines, title, answer, True)
            continue
        _part(lines, title, "", True)
        for message in answer:
            _turn(lines, message, message["role"] == "assistant")
    if "label" in body:
        _part(lines, f"judged {'good' if body['label'] else 'bad'}", "", False)
    return lines.lines


def _turn(lines: _Lines, message: dict[str, Any], trained: bool) -> None:
    weight = " (not trained)" if message["role"] == "assistant" and not trained else ""
    name = f" {message['name']}" if message.get("name") else ""
    _part(lines, f"{message['role']}{name}{weight}", "", trained)
    if thoughts := message.get("reasoning_content"):
        lines.add(str(thoughts), "italic", trained)
        lines.end()
    if message["content"]:
        lines.add(message["content"], TRAINED if trained else "", trained)
        lines.end()
    for call in message.get("tool_calls", ()):
        function = call.get("function", call)
        arguments = function.get("arguments")
        words = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        lines.add(f"calls {function.get('name')} {words}", TRAINED if trained else "", trained)
        lines.end()


def _part(lines: _Lines, title: str, text: str, trained: bool) -> None:
    if title:
        lines.add(title, ROLE, trained)
        lines.end()
    if text:
        lines.add(text[:MOST_CHARACTERS], TRAINED if trained else "", trained)
        lines.end()


def of_raw(row: NumberedRow) -> list[Line]:
    """A row that can't be used, as it stands in the file; the place of the fault is marked."""
    text = row.raw[:MOST_CHARACTERS].decode("utf-8", "replace")
    column = next((problem.column for problem in row.problems if problem.column), None)
    lines = _Lines()
    if column is None:
        try:
            text = json.dumps(json.loads(text), ensure_ascii=False, indent=2)
            for line in text.split("\n"):
                lines.add(line)
                lines.end()
            return lines.lines
        except (ValueError, RecursionError):
            column = len(text) + 1
    lines.add(text[: column - 1])
    lines.add(text[column - 1 : column] or "◂", "bold reverse $error")
    lines.add(text[column:])
    lines.end()
    return lines.lines


def marked(lines: Sequence[Line], pattern: re.Pattern[str]) -> list[Line]:
    """The same lines with all that fits the pattern marked."""
    result: list[Line] = []
    for line in lines:
        content = line.content
        spans = [match.span() for match in pattern.finditer(content.plain) if match[0]]
        for span in spans:
            content = content.stylize(MATCH, *span)
        result.append(Line(content, line.trained, bool(spans)))
    return result


def of_problems(problems: Iterable[Problem], line: int | None = None) -> list[Line]:
    """What is wrong, with the way out.

    Args:
        line: where the row stands: other places are named.
    """
    lines: list[Line] = []
    for problem in problems:
        sign, style = MARKS[problem.severity]
        parts = [f"line {problem.line:,}"] if problem.line and problem.line != line else []
        parts += [f"column {problem.column}"] if problem.column else []
        place = f"{', '.join(parts)}: " if parts else ""
        lines.append(Line(Content.styled(f"{sign}{place}{clean(problem.message)}", style)))
        if problem.fix:
            lines.append(Line(Content.styled(f"→ {clean(by_keys(problem.fix))}", "$quiet")))
    return lines
