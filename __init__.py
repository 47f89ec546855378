"""finetui: a terminal app for fine-tuning language models. tui shows, monitors watch, engines act."""

__version__ = "0.1.0"
