"""`python -m finetui.tui.cli`: the command line without its script on PATH."""

from .main import main

main()
