"""What OpenAI refuses in a row of messages, looked at in the object that stands in the file.

Sources: OpenAI's guides "Supervised fine-tuning" and "Direct preference optimization", its API reference of
chat completions (roles, names, tools, tool calls) and the format checks of its cookbook's "Data preparation
and analysis for chat model fine-tuning" (known keys, roles, an assistant's message in each row). The
pattern of names is that of the API's own error: ^[^\\s<|\\\\/>]+$.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..checks.table import Faults
from ..checks.words import shown, type_name

Value = Mapping[str, Any]

ROW_KEYS = frozenset({"messages", "tools", "functions", "parallel_tool_calls"})
MESSAGE_KEYS = frozenset(
    {"role", "content", "name", "refusal", "weight", "tool_calls", "tool_call_id", "function_call"}
)
_PART_KEYS = frozenset({"type", "text"})
_ROLES = frozenset({"developer", "system", "user", "assistant", "tool", "function"})
_PREFERENCE_KEYS = frozenset({"input", "preferred_output", "non_preferred_output"})
_ANSWERS = ("preferred_output", "non_preferred_output")
_NAME = re.compile(r"[^\s<|\\/>]{1,64}")
_FUNCTION = re.compile(r"[a-zA-Z0-9_-]{1,64}")


class Rows:
    """OpenAI's rules for rows under a provider's name.

    Args:
        name: what `--for` takes.
        title: as people know it.
    """

    def __init__(self, name: str, title: str) -> None:
        self._name, self._title = name, title

    def check(self, value: Value, faults: Faults) -> None:
        """Notes what is refused in a row of a form that OpenAI takes."""
        if "preferred_output" in value:
            self._preference(value, faults)
            return
        self._keys(value, ROW_KEYS, "the row", faults)
        self._row_tools(value, faults)
        messages = _list(value, "messages", faults)
        self._messages(messages, faults)
        self._last(messages, "The row", faults)

    def _preference(self, value: Value, faults: Faults) -> None:
        self._keys(value, _PREFERENCE_KEYS, "the row", faults)
        asked = value.get("input")
        if isinstance(asked, dict):
            self._keys(asked, ROW_KEYS, '"input"', faults)
            self._row_tools(asked, faults)
            self._messages(_list(asked, "messages", faults), faults)
        else:
            faults.add(
                "wrong-type", what='"input"', found=type_name(asked), expected="an object with messages"
            )
        for key in _ANSWERS:
            answer = _list(value, key, faults)
            self._messages(answer, faults)
            self._last(answer, f'"{key}"', faults)

    def _messages(self, messages: Sequence[Any], faults: Faults) -> None:
        title = self._title
        waiting: dict[str, int] = {}
        made: set[str] = set()
        for turn, message in enumerate(messages, start=1):
            if not isinstance(message, dict):
                continue
            if not MESSAGE_KEYS.issuperset(message):
                self._keys(message, MESSAGE_KEYS, f"turn {turn}", faults)
            role = message.get("role")
            if not isinstance(role, str) or role not in _ROLES:
                fix = "Use developer, system, user, assistant or tool."
                faults.add("target-role", turn=turn, role=shown(role), title=title, fix=fix)
            calls = message.get("tool_calls")
            content = message.get("content")
            if isinstance(content, str):
                if "data:image/" in content and ";base64," in content:
                    faults.add("image-as-text", turn=turn)
            elif isinstance(content, list):
                self._parts(content, turn, faults)
            elif not (content is None and (calls or message.get("function_call") or message.get("refusal"))):
                faults.add("target-content", turn=turn, found=type_name(content), title=title)
            if "weight" in message:
                self._weight(message["weight"], role, turn, faults)
            if isinstance(name := message.get("name"), str) and _NAME.fullmatch(name) is None:
                faults.add("target-name", name=shown(name), turn=turn)
            if role == "tool":
                call = message.get("tool_call_id")
                if isinstance(call, str) and call in made:
                    waiting.pop(call, None)
                else:
                    faults.add("target-unknown-call", turn=turn, call=shown(call), target=self._name)
            elif waiting:
                call, caller = next(iter(waiting.items()))
                faults.add("target-unanswered", call=shown(call), turn=caller, next=turn)
                waiting = {}
            if calls:
                for call in self._calls(calls, turn, faults):
                    waiting[call] = turn
                    made.add(call)

    def _parts(self, parts: Sequence[Any], turn: int, faults: Faults) -> None:
        for part in parts:
            if not isinstance(part, dict) or not isinstance(part.get("text"), str):
                faults.add(
                    "target-content",
                    turn=turn,
                    found="a list with a part that has no text",
                    title=self._title,
                )
            else:
                self._keys(part, _PART_KEYS, f"a part of turn {turn}", faults)

    def _weight(self, weight: object, role: object, turn: int, faults: Faults) -> None:
        if role != "assistant":
            faults.add("weight-place", turn=turn, role=shown(role)[1:-1])
        elif isinstance(weight, bool) or weight not in (0, 1):
            faults.add("target-weight", turn=turn, weight=shown(weight), title=self._title)

    def _calls(self, calls: object, turn: int, faults: Faults) -> list[str]:
        """Notes what is wrong with calls, and gives the ids of all that have one."""

        def refuse(reason: str) -> None:
            faults.add("target-call", turn=turn, title=self._title, target=self._name, reason=reason)

        if not isinstance(calls, list):
            refuse(f"they are {type_name(calls)}, not a list")
            return []
        ids: list[str] = []
        for call in calls:
            function = call.get("function") if isinstance(call, dict) else None
            if not isinstance(function, dict):
                refuse('it has no object "function"')
                continue
            if isinstance(made := call.get("id"), str) and made:
                ids.append(made)
            else:
                refuse('it has no "id"')
            if call.get("type") != "function":
                refuse('its "type" is not "function"')
            name, arguments = function.get("name"), function.get("arguments")
            self._function_name(name, faults)
            if not isinstance(arguments, str):
                kind = type_name(arguments)
                faults.add("tool-arguments", name=shown(name), turn=turn, found=kind, target=self._name)
        return ids

    def _row_tools(self, row: Value, faults: Faults) -> None:
        tools = row.get("tools")
        if tools is None:
            return
        if not isinstance(tools, list):
            faults.add("target-tools", title=self._title, reason=f"they are {type_name(tools)}, not a list")
            return
        for tool in tools:
            function = tool.get("function") if isinstance(tool, dict) else None
            if not isinstance(function, dict) or tool.get("type") != "function":
                reason = f'{shown(tool)} lacks "type": "function" or its object "function"'
                faults.add("target-tools", title=self._title, reason=reason)
                continue
            self._function_name(function.get("name"), faults)

    def _function_name(self, name: object, faults: Faults) -> None:
        if not isinstance(name, str) or _FUNCTION.fullmatch(name) is None:
            faults.add("tool-name", name=shown(name))

    def _last(self, messages: Sequence[Any], what: str, faults: Faults) -> None:
        if not messages:
            return  # said of the list
        last = messages[-1]
        role = last.get("role") if isinstance(last, dict) else None
        if role != "assistant":
            faults.add("target-last-turn", what=what, role=shown(role)[:20], title=self._title)

    def _keys(self, value: Iterable[str], known: frozenset[str], where: str, faults: Faults) -> None:
        for key in value:
            if key not in known:
                faults.add("target-key", title=self._title, key=shown(key), where=where, target=self._name)


def _list(value: Value, key: str, faults: Faults) -> Sequence[Any]:
    """The list under a key; an empty one, with a fault noted, where something else is."""
    found = value.get(key)
    if isinstance(found, list):
        return found
    faults.add("wrong-type", what=shown(key), found=type_name(found), expected="a list of messages")
    return ()
