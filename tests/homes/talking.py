"""Jobs whose models answer at once: their interpreter is a small program that speaks as `chat` does.

What it says depends on the prompt: its words are commands, and anything else is repeated.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec
from finetui.engines.job import Job
from finetui.engines.records import write_json
from finetui.engines.settings import Settings
from finetui.engines.states import JobState

from homes.jobs import add_job

SPEAKER = """
import json, os, sys, threading, time
base = sys.argv[3]
folder = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(folder, "started"), "a") as file:
    file.write(f"{os.getpid()}\\n")
def say(**line):
    os.write(1, json.dumps(line).encode() + b"\\n")
stopped, requests, more = set(), [], threading.Condition()
def read():
    for line in sys.stdin:
        request = json.loads(line)
        with more:
            if request.get("stop"):
                stopped.add(request["id"])
            else:
                requests.append(request)
            more.notify()
    os._exit(0)
threading.Thread(target=read, daemon=True).start()
while os.path.exists(os.path.join(folder, "slow")):
    time.sleep(0.01)
if os.path.exists(os.path.join(folder, "full")):
    say(error={"reason": "out_of_memory", "message": "The GPU's memory ran out", "advice": "smaller"})
    sys.exit(1)
print("a library says hello", flush=True)
say(ready=True, device="cpu", dtype="float32", memory_bytes=400 << 20)
while True:
    with more:
        while not requests:
            more.wait()
        request = requests.pop(0)
    with open(os.path.join(folder, "requests"), "a") as file:
        file.write(json.dumps(request) + "\\n")
    number, who = request["id"], "tuned" if request["adapter"] else "base"
    turns = request.get("messages")
    prompt = turns[-1]["content"] if turns else request["prompt"]
    tokens, reason = 0, "stop"
    def piece(text):
        global tokens
        tokens += 1
        say(id=number, text=text)
    if prompt == "forever":
        while number not in stopped:
            piece("on and on ")
            time.sleep(0.005)
        reason = "cancelled"
    elif prompt == "never ends":
        piece("word " * 40)
        tokens, reason = request["max_tokens"], "length"
    elif prompt == "die":
        piece("before ")
        time.sleep(0.05)
        os.kill(os.getpid(), 9)
    elif prompt == "foreign":
        piece("\\x1b]52;c;aGk=\\x07[/nope] [b]\\x9b31m \\u202eabc \\x1b[2Jend")
    elif prompt == "too big":
        say(id=number, error={"reason": "out_of_memory", "message": "The GPU's memory ran out"})
        continue
    else:
        for word in f"{who}: {prompt}".split(" "):
            piece(word if tokens == 0 else " " + word)
    say(id=number, done=True, tokens=tokens, seconds=0.5, first_token_seconds=0.1, stop_reason=reason)
"""


def talking_job(
    settings: Settings, folder: Path, name: str = "faq", *, base: str = "tiny", **changes: Any
) -> Job:
    """A finished job with a checkpoint and three held-out rows; `folder` has its interpreter.

    Args:
        base: its base is the folder of that name.
        changes: of its plan.
    """
    python = folder / "python"
    python.write_text(f"#!{sys.executable}\n{SPEAKER}")
    python.chmod(0o755)
    rows: list[dict[str, Any]] = [
        {"messages": [turn("user", "first?"), turn("assistant", "tuned: first?")]},
        {
            "messages": [
                turn("system", "Be odd."),
                turn("user", "a"),
                turn("assistant", "b"),
                turn("user", "second?"),
                turn("assistant", "something else"),
            ]
        },
        {"messages": [turn("user", "foreign \x1b]52;c;aGk=\x07[/nope]"), turn("assistant", "\x1b[2J[b]x")]},
    ]
    job = add_job(settings, name, JobState.succeeded, model=base, step=10, total_steps=10)
    for part in (job.paths.result, job.paths.checkpoints / "checkpoint-5"):
        part.mkdir(parents=True)
    write_json(job.paths.checkpoints / "checkpoint-5" / "complete.json", {"step": 5, "time": 1.0})
    held_out = {"path": str(write_rows(folder, rows)), "sha256": "0" * 64}
    document = {
        "format": 1,
        "method": "lora",
        "model": {"name": base, "path": str(folder / base), "revision": None, "remote_code": False},
        "data": {"train": {"sha256": "0" * 64}, "valid": held_out, "system": "Be kind."},
        "device": "cpu",
        "python": str(python),
        "values": {},
    }
    write_json(job.paths.plan, job.plan() | document | changes)
    return job


def turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def write_rows(folder: Path, rows: list[dict[str, Any]], name: str = "rows.jsonl") -> Path:
    """A file of canonical rows."""
    path = folder / name
    path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    return path
