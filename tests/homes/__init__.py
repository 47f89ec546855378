"""Homes made of real job directories, for tests and for looking at the app."""
