"""Screens: the main one with its panes, and what lies over it for a moment. A `.tcss` beside each."""
