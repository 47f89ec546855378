"""OpenAI's chat messages, and Anthropic's and Bedrock's, which have the system prompt beside them.

Formats: https://platform.openai.com/docs/guides/supervised-fine-tuning (messages, tools, weight), Amazon
Bedrock's "Prepare data for fine-tuning" (system beside messages), LLaMA-Factory's v1 rows (loss_weight).
"""

from __future__ import annotations

from ..checks.table import Faults
from .conversation import conversation
from .form import Body, Format, Row, note_ignored

_KEYS = frozenset({"messages", "tools", "functions", "system", "parallel_tool_calls"})


def _read(row: Row, faults: Faults) -> Body | None:
    note_ignored(row, _KEYS, faults)
    tools = row.get("tools") or row.get("functions")
    return conversation(row["messages"], "messages", faults, system=row.get("system"), tools=tools)


MESSAGES = Format(
    name="messages",
    example='{"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}',
    matches=lambda row: "messages" in row and "system" not in row,
    read=_read,
)
ANTHROPIC = Format(
    name="anthropic",
    example='{"system": "…", "messages": [{"role": "user", "content": "…"}, {"role": "assistant", …}]}',
    matches=lambda row: "messages" in row and "system" in row,
    read=_read,
)
