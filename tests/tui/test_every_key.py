"""Every entry of the table of keys belongs to a class of the app that has its action."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import finetui.tui
from finetui.tui.keys import KEYS
from textual.app import App
from textual.binding import Binding
from textual.dom import DOMNode


def classes(of: type) -> Iterator[type]:
    for below in of.__subclasses__():
        yield below
        yield from classes(below)


def test_every_key_has_a_place_and_its_action() -> None:
    for module in pkgutil.walk_packages(finetui.tui.__path__, "finetui.tui."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    homes: dict[str, set[type]] = {key.id: set() for key in KEYS}
    missing = []
    for owner in {*classes(DOMNode), *classes(App)}:
        if not owner.__module__.startswith("finetui."):
            continue
        for binding in owner.__dict__.get("BINDINGS", []):
            if not isinstance(binding, Binding) or binding.id not in homes:
                continue
            homes[binding.id].add(owner)
            action = binding.action.partition("(")[0]
            below = [owner, *classes(owner)]
            if not any(
                hasattr(one, f"action_{action}") or hasattr(one, f"_action_{action}") for one in below
            ):
                missing.append(f"{owner.__name__}: {binding.id} wants action_{action}")
    assert not missing
    assert not [key for key, owners in homes.items() if not owners], "keys that nothing binds"
