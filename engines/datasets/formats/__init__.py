"""The forms in which people write datasets, one small module each.

A new form is a module with a `Format` and a line in `registry.py`.
"""
