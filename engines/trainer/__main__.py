"""`PYTHON engines/trainer VERB …`: reads the command line and starts the verb; docs/job.md is the contract.

Run as a folder, Python puts that folder first on sys.path, where `datasets` next door would shadow
Hugging Face's, and gives the program no package, so relative imports fail. Both are put right here: the
folder leaves sys.path, and the package registers itself under a name of its own.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import logging
import os
import sys
from pathlib import Path

PACKAGE = "finetui_trainer"


def register() -> None:
    """Make `PACKAGE` importable from this folder, whatever the folder is called."""
    here = Path(__file__).resolve().parent
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() not in (here, here.parent)]
    spec = importlib.util.spec_from_file_location(
        PACKAGE, here / "__init__.py", submodule_search_locations=[str(here)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{here} is not a package")
    package = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = package
    spec.loader.exec_module(package)


def arguments() -> argparse.ArgumentParser:
    """The command line; each verb is the module of the same name, imported when it is called."""
    parser = argparse.ArgumentParser(prog="trainer", description="finetui's trainer")
    verbs = parser.add_subparsers(dest="verb", required=True)

    versions = verbs.add_parser("versions", help="what is installed, as one JSON object")
    versions.add_argument("--import", dest="imports", action="store_true", help="import it too; find GPUs")

    train = verbs.add_parser("train", help="train a job")
    train.add_argument("job", type=Path)
    train.add_argument("--attempt", type=int, required=True)
    train.add_argument("--resume", type=Path, metavar="CHECKPOINT")
    train.add_argument("--life", type=int, metavar="FD", help="end of file there means stop")

    fetch = verbs.add_parser("fetch", help="download a model into the hub's cache")
    fetch.add_argument("model")
    fetch.add_argument("--revision")
    fetch.add_argument("--remote-code", action="store_true", help="with the model's own Python files")

    tokens = verbs.add_parser("tokens", help="count the tokens of rows on stdin")
    tokens.add_argument("--max-length", type=int, metavar="N", help="say how many are lost beyond it")
    preview = verbs.add_parser("preview", help="rows as they will be trained, token by token")
    preview.add_argument("--data", required=True, help="a file of canonical rows, or - for stdin")
    preview.add_argument("--rows", metavar="A:B", default=":", help="from row A up to B, counted from 0")
    for showing in (tokens, preview):
        showing.add_argument("model", help="a folder")
        showing.add_argument("--template", type=Path)
        showing.add_argument(
            "--transformers", action="store_true", help="make the tokenizer with transformers"
        )
        showing.add_argument("--remote-code", action="store_true")

    chat = verbs.add_parser("chat", help="answer JSON lines")
    answer = verbs.add_parser("answer", help="answer a file of rows, in batches")
    answer.add_argument("--data", type=Path, required=True)
    answer.add_argument("--adapter", action="append", required=True, help="base, or an adapter's folder")
    answer.add_argument("--max-tokens", type=int, default=256)
    for speaking in (chat, answer):
        speaking.add_argument("model")
        speaking.add_argument("--load", choices=["qlora", "lora", "full"], default="lora")
        speaking.add_argument("--template", type=Path)
        speaking.add_argument("--device", choices=["cpu", "cuda"])
        speaking.add_argument("--remote-code", action="store_true")
    return parser


def main() -> int:
    """Run the verb that the command line names; its exit status."""
    asked = arguments().parse_args()
    register()
    # Nothing here speaks to a terminal: no bars, no telemetry, no warnings about either.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "warning")
    os.environ.setdefault("USE_TF", "0")
    os.environ.setdefault("USE_FLAX", "0")
    # bitsandbytes (0.50.2) recommends a kernel that it would download; ours is not what it is for (model.py).
    logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
    verb = importlib.import_module(f"{PACKAGE}.{asked.verb}")
    return int(verb.main(asked))


if __name__ == "__main__":
    sys.exit(main())
