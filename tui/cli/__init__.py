"""The command line: the same verbs as the app, for scripts and for people without it. One module a group."""

from .main import app, main

__all__ = ["app", "main"]
