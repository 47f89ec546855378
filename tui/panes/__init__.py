"""The panes of the main screen: each shows one thing about jobs or the machine, and posts messages.

What a pane says in words comes from `wording`; how it is drawn, from `widgets`.
"""
