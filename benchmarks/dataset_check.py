"""A full check of a large file with exact token counts, beside what people use for it today, in one run.

`python benchmarks/dataset_check.py [--megabytes 400] [--rows FILE] [--peak-only]` repeats question/answer
rows (GSM8K's) up to a size, as messages, and times, each in a fresh process:

- `finetui check --for openai --json`: all checks, OpenAI's rules, counts by o200k_base;
- (a) `openai==0.28`'s `tools fine_tunes.prepare_data -q` on the same rows as prompt/completion: duplicates,
  missing and too long prompts, common suffixes and the like; it counts no tokens (in its own environment);
- (b) `datasets`: `load_dataset("json")` and `map` over all cores with a fast tokenizer of the same
  vocabulary (o200k_base, from bpe-openai): tokens, and nothing is checked.

Repeated rows are known by heart, so the same is done with every row made different by a number in its
question: that is what a file without repetitions costs. Memory is the peak of what all processes hold
together (PSS).
"""

# ruff: noqa: T201 (it is a program: what it prints is its result)

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil

REPO = Path(__file__).resolve().parents[1]
GSM8K = REPO.parent / "shared" / "data" / "gsm8k_train.jsonl"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "finetui-benchmarks"

TOKENIZE = """
import os, sys, time
os.environ["HF_DATASETS_OFFLINE"] = "1"
from datasets import load_dataset
from tokenizers import Tokenizer
cores = len(os.sched_getaffinity(0))
os.environ["TOKENIZERS_PARALLELISM"] = "false"  # map's processes share the cores
rows = load_dataset("json", data_files=sys.argv[1], split="train", cache_dir=sys.argv[3])
tokenizer = Tokenizer.from_file(sys.argv[2])
def count(batch):
    texts = [turn["content"] for messages in batch["messages"] for turn in messages]
    lengths = iter([len(one.ids) for one in tokenizer.encode_batch(texts, add_special_tokens=False)])
    return {"tokens": [sum(next(lengths) for _ in messages) for messages in batch["messages"]]}
counted = rows.map(count, batched=True, num_proc=cores, remove_columns=rows.column_names)
print(sum(counted["tokens"]))
"""


class Ran(NamedTuple):
    """One command."""

    seconds: float
    peak_bytes: int
    output: str


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--megabytes", type=int, default=400)
    asked.add_argument("--rows", type=Path, default=GSM8K)
    asked.add_argument("--peak-only", action="store_true", help="finetui alone")
    options = asked.parse_args()
    cores = len(os.sched_getaffinity(0))
    print(f"{platform.machine()}, {cores} cores, Python {platform.python_version()}, ", end="")
    print(f"load {os.getloadavg()[0]:.1f}; {options.megabytes} MB of {options.rows.name} repeated")
    with tempfile.TemporaryDirectory(prefix="finetui-benchmark-", dir=os.environ.get("TMPDIR")) as name:
        for distinct in (False, True):
            compare(Path(name), options, distinct)


def compare(folder: Path, options: argparse.Namespace, distinct: bool) -> None:
    print(f"\n{'every row different' if distinct else 'rows repeated'}")
    messages, pairs = folder / "messages.jsonl", folder / "pairs.jsonl"
    write(options.rows, messages, pairs, options.megabytes * 1_000_000, distinct)
    size = messages.stat().st_size
    home = {"FINETUI_HOME": str(folder / "home")}
    check = [sys.executable, "-m", "finetui.tui.cli", "check", str(messages), "--for", "openai", "--json"]
    ran = run(check, home)
    [file] = json.loads(ran.output)["files"]
    line("finetui check --for openai", ran, size)
    print(f"    {file['rows']:,} rows, {file['tokens']:,} tokens by {file['tokenizer']}; {file['counts']}")
    if options.peak_only:
        return
    pairs_size = pairs.stat().st_size
    prepare = [str(openai_028()), "tools", "fine_tunes.prepare_data", "-q", "-f", str(pairs)]
    line("(a) openai==0.28 prepare_data", run(prepare, {}), pairs_size, ran, size)
    tokenize = [sys.executable, "-c", TOKENIZE, str(messages), str(o200k()), str(folder / "datasets")]
    line("(b) datasets load + map", run(tokenize, {}), size, ran, size)


def line(name: str, ran: Ran, size: int, ours: Ran | None = None, our_size: int = 0) -> None:
    rate = size / ran.seconds / 1e6
    text = f"  {name:<32} {ran.seconds:7.1f} s {rate:7.1f} MB/s  peak {ran.peak_bytes / 2**20:6.0f} MiB"
    if ours is not None:
        text += f"   finetui is {our_size / ours.seconds / 1e6 / rate:.1f} times as fast"
    print(text, flush=True)


def write(rows: Path, messages: Path, pairs: Path, size_bytes: int, distinct: bool) -> None:
    """The same rows as messages and as prompt and completion, up to a size of the first."""
    source = [json.loads(row) for row in rows.open(encoding="utf-8")]
    written = number = 0
    with messages.open("w") as chat, pairs.open("w") as plain:
        while written < size_bytes:
            for row in source:
                number += 1
                question = f"{number}: {row['question']}" if distinct else row["question"]
                turns = [
                    {"role": "user", "content": question},
                    {"role": "assistant", "content": row["answer"]},
                ]
                written += chat.write(json.dumps({"messages": turns}) + "\n")
                plain.write(json.dumps({"prompt": question, "completion": row["answer"]}) + "\n")


def run(command: list[str], environment: dict[str, str]) -> Ran:
    """A command to its end, with its peak of memory."""
    started = time.monotonic()
    process = subprocess.Popen(
        command,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    peak = 0
    over = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not over.wait(0.1):
            peak = max(peak, sum(held(psutil.Process(process.pid))))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    output, errors = process.communicate()
    seconds = time.monotonic() - started
    over.set()
    watcher.join()
    if process.returncode not in (0, 1):
        sys.exit(f"{command[:4]} ended with {process.returncode}:\n{errors[-2000:]}")
    return Ran(seconds, peak, output)


def held(process: psutil.Process) -> Iterator[int]:
    """Bytes of a process and of those that it started; what several share is counted once."""
    with contextlib.suppress(psutil.Error):
        for one in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                yield one.memory_full_info().pss


def openai_028() -> Path:
    """The command of the last release that prepared data, in an environment of its own."""
    place = CACHE / "openai-0.28"
    if not (place / "bin" / "openai").exists():
        print("  (making an environment with openai==0.28 …)", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        subprocess.run([str(place / "bin" / "pip"), "install", "-q", "openai==0.28", "pandas"], check=True)
    return place / "bin" / "openai"


def o200k() -> Path:
    """o200k_base as a file of the library tokenizers, made of the ranks that bpe-openai carries."""
    place = CACHE / "o200k_base.json"
    if not place.exists():
        import bpe_openai
        from tokenizers import Regex, Tokenizer, decoders, pre_tokenizers
        from tokenizers.models import BPE
        from transformers.convert_slow_tokenizer import TikTokenConverter

        print("  (writing o200k_base for tokenizers …)", flush=True)
        tokens = bpe_openai.get_encoding("o200k_base").token_byte_values()
        ranks = {token: rank for rank, token in enumerate(tokens)}

        class Converter(TikTokenConverter):
            @staticmethod
            def load_tiktoken_bpe(tiktoken_url: str) -> dict[bytes, int]:
                return ranks

        vocabulary, merges = Converter("").extract_vocab_merges_from_model("")
        tokenizer = Tokenizer(BPE(vocabulary, merges, ignore_merges=True))
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(O200K_WORDS), "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        tokenizer.decoder = decoders.ByteLevel()
        place.parent.mkdir(parents=True, exist_ok=True)
        tokenizer.save(str(place))
    return place


O200K_WORDS = "|".join(
    [
        r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?""",
        r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?""",
        r"""\p{N}{1,3}""",
        r""" ?[^\s\p{L}\p{N}]+[\r\n/]*""",
        r"""\s*[\r\n]+""",
        r"""\s+(?!\S)""",
        r"""\s+""",
    ]
)
"""How o200k_base cuts a text into words (github.com/openai/tiktoken, tiktoken_ext/openai_public.py)."""


if __name__ == "__main__":
    main()
