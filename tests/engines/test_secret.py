"""A secret is shown nowhere by accident, and a process that needs no keys gets none."""

from __future__ import annotations

import copy
import dataclasses
import io
import json
import logging
import pickle
import traceback

import msgspec
import pytest
from finetui.engines.secret import Secret, without_secrets
from rich.console import Console
from rich.traceback import Traceback

KEY = "sk-" + "hunter2" * 3


@dataclasses.dataclass(frozen=True)
class Account:
    name: str
    key: Secret


def test_the_one_call_that_needs_it_gets_it() -> None:
    assert Secret(KEY).reveal() == KEY


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        "{}".format,
        "{!s:>30}".format,
        "{0:x>40}".format,
        lambda secret: f"{secret} {secret!r} {secret:.5}",
        lambda secret: "%s %r" % (secret, secret),  # noqa: UP031
        lambda secret: repr([secret, {"key": secret}]),
        lambda secret: repr(Account("work", secret)),
        lambda secret: str(ValueError("refused", secret)),
        lambda secret: logging.LogRecord("a", 1, "b", 1, "key %s", (secret,), None).getMessage(),
        lambda secret: json.dumps({"key": secret}, default=repr),
        lambda secret: repr([getattr(secret, name, None) for name in dir(secret) if name != "reveal"]),
    ],
)
def test_no_way_of_showing_it_shows_it(show) -> None:
    shown = show(Secret(KEY))
    assert "hunter2" not in shown


def test_a_crash_screen_with_local_variables_shows_dots() -> None:
    def call(key: Secret, account: Account) -> None:
        raise RuntimeError(f"refused with {key}")

    key = Secret(KEY)
    with pytest.raises(RuntimeError) as caught:
        call(key, Account("work", key))
    plain = "".join(traceback.format_exception(caught.value))
    # As Textual's crash screen draws it.
    paper = io.StringIO()
    shown = Traceback.from_exception(caught.type, caught.value, caught.tb, show_locals=True)
    Console(file=paper, width=200).print(shown)
    drawn = paper.getvalue()
    assert "hunter2" not in plain
    assert "Secret(•••)" in drawn and "hunter2" not in drawn


@pytest.mark.parametrize("write", [pickle.dumps, json.dumps, msgspec.json.encode, msgspec.to_builtins])
def test_it_is_written_nowhere(write) -> None:
    with pytest.raises(TypeError):
        write(Secret(KEY))


def test_a_copy_is_the_same_secret() -> None:
    secret = Secret(KEY)
    assert copy.copy(secret) is secret and copy.deepcopy({"key": secret})["key"] is secret
    assert dataclasses.asdict(Account("work", secret)) == {"name": "work", "key": secret}


def test_two_of_the_same_string_are_equal_and_nothing_else_is() -> None:
    assert Secret("a") == Secret("a") and hash(Secret("a")) == hash(Secret("a"))
    assert Secret("a") != Secret("b") and Secret("a") != "a"


def test_keys_are_taken_out_of_an_environment_and_nothing_else() -> None:
    kept = {
        "PATH": "/bin",
        "HOME": "/root",
        "PWD": "/x",
        "OLDPWD": "/y",
        "TOKENIZERS_PARALLELISM": "false",
        "CUDA_VISIBLE_DEVICES": "0",
        "LC_KEYBOARD": "de",
        "HF_HOME": "/cache",
        "OMP_NUM_THREADS": "2",
        "WANDB_PROJECT": "a",
    }
    secrets = [
        "OPENAI_API_KEY",
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_AUTH_TOKEN",
        "WANDB_API_KEY",
        "WANDB_APIKEY",
        "HF_TOKEN",
        "HUGGING_FACE_HUB_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_SESSION_TOKEN",
        "AZURE_OPENAI_KEY",
        "AZURE_STORAGE_CONNECTION_STRING",
        "GITHUB_TOKEN",
        "github_pat",
        "PGPASSWORD",
        "MYSQL_PWD",
        "SSH_PRIVATE_KEY",
        "DB_PASSWD",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "MY_KEY",
        "KEY",
    ]
    environment = kept | dict.fromkeys(secrets, KEY)

    assert without_secrets(environment) == kept
    assert without_secrets(environment, frozenset({"HF_TOKEN"})) == kept | {"HF_TOKEN": KEY}
