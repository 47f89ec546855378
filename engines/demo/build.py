"""Makes the bundled model again from nothing: `python -m finetui.engines.demo.build [--out FOLDER]`.

Writes the corpus to a temporary folder and starts the trainer's pretraining script over it, as a process:
torch is loaded there and never here. Takes up to half an hour on two cores; its progress is printed as it
goes.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from .chats import Message, as_json
from .corpus import corpus

MODEL = Path(__file__).parent / "model"
PRETRAIN = Path(__file__).parent.parent / "trainer" / "pretrain.py"
CORPUS_SEED = 1
CORPUS_CHATS = 250_000

README = """# Toy model of the finetui demonstration

A toy: a Llama of about one million parameters that answers table bookings with friendly prose. It exists
so that `finetui demo` has something to tune on any machine within a minute. It is good for nothing else.

Made from random weights by `engines/trainer/pretrain.py` over chats that `engines/demo/corpus.py`
generates; no other model and no foreign text went into it. `python -m finetui.engines.demo.build` makes
it again.

Licence: Apache-2.0, as the rest of finetui.
"""


def write_corpus(path: Path, seed: int = CORPUS_SEED, chats: int = CORPUS_CHATS) -> None:
    """Writes the corpus as JSON lines of `{"messages": […]}`."""
    with path.open("w", encoding="utf-8", newline="\n") as lines:
        for chat in corpus(seed, chats):
            row: dict[str, list[Message]] = {"messages": chat}
            lines.write(as_json(row) + "\n")


def build(out: Path, minutes: float, threads: int, arguments: list[str]) -> int:
    """Makes the model in `out`.

    Args:
        out: the model's folder; its files are replaced.
        minutes: time limit for the training itself.
        threads: CPU threads; 0 for all cores.
        arguments: more of them for the pretraining script.

    Returns:
        The script's exit status.
    """
    environment = {**os.environ, **({"OMP_NUM_THREADS": str(threads)} if threads else {})}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corpus.jsonl"
        sys.stdout.write("writing the corpus\n")
        sys.stdout.flush()
        write_corpus(path)
        command = [sys.executable, str(PRETRAIN), str(path), str(out), "--minutes", str(minutes)]
        status = subprocess.call([*command, "--threads", str(threads), *arguments], env=environment)
    if status == 0:
        (out / "README.md").write_text(README, encoding="utf-8")
    return status


def main() -> int:
    """Reads the arguments; unknown ones go to the pretraining script."""
    parser = argparse.ArgumentParser(prog="python -m finetui.engines.demo.build", description=__doc__)
    parser.add_argument("--out", type=Path, default=MODEL)
    parser.add_argument("--minutes", type=float, default=27.0, help="time limit for the training itself")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0: as many as cores")
    known, others = parser.parse_known_args()
    return build(known.out, known.minutes, known.threads, others)


if __name__ == "__main__":
    raise SystemExit(main())
