"""Datasets: finding out what a file is, checking it, splitting it, and storing it as canonical rows.

Knows no tokenizer and no model: turning a row into ids is the trainer's.
"""
