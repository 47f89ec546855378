"""Widgets that know how to draw and nothing about jobs: one a file, each a `Canvas` or on one.

What they show is decided in panes and screens.
"""
