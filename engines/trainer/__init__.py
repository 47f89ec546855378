"""The trainer: one program that holds all of torch, started as a process and imported by nobody.

It runs under an interpreter of its own that has never heard of finetui, so it imports only itself, the
standard library, torch, transformers, peft, trl, bitsandbytes and datasets.
"""
