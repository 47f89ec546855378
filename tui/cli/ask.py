"""`finetui ask`: one prompt or many to several models, side by side."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ...engines.datasets.read import open_dataset
from ...engines.datasets.viewing.question import Question, question_of
from ...engines.engine import EngineError, ModelRef
from ...engines.models.chat import LocalChat, Sampling, base_key
from ...engines.models.resolve import resolve
from ...engines.records import append_line
from ...engines.settings import Settings
from ...engines.text import clean
from .options import AT_LEAST_ONE, NOT_NEGATIVE, Json
from .output import DONE, FAILED, note, number, print_json, say


@dataclass
class Answer:
    """What one model said to one prompt."""

    model: str
    text: str = ""
    error: str | None = None
    seconds: float = 0.0
    first_token_seconds: float | None = None
    tokens: int = 0


@dataclass
class Chats:
    """One process a base, opened when first asked."""

    stack: ExitStack
    open: dict[tuple[object, ...], LocalChat] = field(default_factory=dict)

    def of(self, ref: ModelRef) -> LocalChat:
        key = base_key(ref)
        if key not in self.open:
            self.open[key] = self.stack.enter_context(LocalChat(ref))
        return self.open[key]


def ask(
    prompt: str | None = None,
    *,
    model: Annotated[list[str], Parameter(name=["--model", "-m"], negative="")],
    file: Annotated[Path | None, Parameter(name=["--file", "-f"])] = None,
    system: str | None = None,
    limit: Annotated[int | None, AT_LEAST_ONE] = None,
    max_tokens: Annotated[int, AT_LEAST_ONE] = 512,
    temperature: Annotated[float, NOT_NEGATIVE] = 0.0,
    seed: int = 42,
    out: Path | None = None,
    json: Json = False,
) -> int:
    """Ask models and show their answers side by side.

    The system prompt of a job's data is filled in for the job and its base, unless --system is given.

    Example: `finetui ask "A table for two at eight?" -m last -m last@base`

    Args:
        prompt: The question; without it and without a file it is read from stdin.
        model: A job, JOB@base, JOB@STEP, JOB@best, a folder or a hub id; may be given several times.
        file: Rows with prompts, of any format that `check` reads; their answers are shown as expected.
        system: System prompt; "" for none.
        limit: At most so many rows of the file.
        max_tokens: Longest answer.
        temperature: 0 is greedy.
        seed: For temperatures above 0.
        out: Append each question with its answers to this file as JSON lines.
    """
    settings = Settings.load()
    refs = [resolve(name, settings) for name in model]
    questions = _questions(prompt, file, limit)
    sampling = Sampling(max_tokens=max_tokens, temperature=temperature, seed=seed)
    documents = []
    failed = False
    with ExitStack() as stack:
        chats = Chats(stack)
        for index, question in enumerate(questions):
            if not json:
                if index:
                    say()
                say(f"▸ {question.text}")
                if question.expected is not None:
                    say(f"expected  {question.expected}")
            answers = []
            for ref in refs:
                answer = one_answer(chats, ref, question, system, sampling, live=not json)
                failed |= answer.error is not None
                answers.append(answer)
            document = {"prompt": question.text, "answers": [vars(answer) for answer in answers]}
            if question.expected is not None:
                document["expected"] = question.expected
            if out:
                append_line(out, document)
            documents.append(document)
    if json:
        print_json(documents if file else documents[0])
    return FAILED if failed else DONE


def one_answer(
    chats: Chats, ref: ModelRef, question: Question, system: str | None, sampling: Sampling, *, live: bool
) -> Answer:
    """One model's answer; a model that fails has its error there, and the others go on.

    Args:
        live: print the pieces as they come.
    """
    answer = Answer(ref.label)
    if question.system is None:
        question = question.with_system(ref.system if system is None else system)
    if live:
        sys.stdout.write(f"{clean(ref.label)}  ")
        sys.stdout.flush()
    try:
        for piece in chats.of(ref).ask(ref, question.messages, sampling, question.tools):
            answer = replace(
                answer,
                text=answer.text + piece.text,
                seconds=piece.seconds,
                first_token_seconds=piece.first_token_seconds,
                tokens=piece.tokens,
            )
            if live:
                sys.stdout.write(clean(piece.text))
                sys.stdout.flush()
    except EngineError as error:
        answer.error = f"{error.message} {error.advice}".strip()
        if live:
            note(f"✗ {answer.error}")
        return answer
    if live:
        speed = answer.tokens / answer.seconds if answer.seconds else 0
        first = number(answer.first_token_seconds, 2)
        say(f"\n    {answer.tokens} tokens, first after {first} s, {speed:.0f} a second")
    return answer


def _questions(prompt: str | None, file: Path | None, limit: int | None) -> list[Question]:
    if prompt is not None:
        return [Question([{"role": "user", "content": prompt}])]
    if file is None:
        if sys.stdin.isatty():
            raise EngineError(
                "usage", "what should be asked?", 'give a prompt, or -f FILE: finetui ask "…" -m last'
            )
        return [Question([{"role": "user", "content": sys.stdin.read().strip()}])]
    if not file.is_file():
        raise EngineError("files", f"{file}: no such file", "look at the path")
    questions = []
    for record in open_dataset(file).records():
        if record.row is not None:
            questions.append(question_of(record.row.body))
        if limit is not None and len(questions) >= limit:
            break
    if not questions:
        raise EngineError("data", f"{file} has no usable rows", f"`finetui check {file}` says why")
    return questions
