"""The tables of everything a dataset can be told off for: words, severities and ways out.

The checks themselves stand where they look (`sources`, `formats`, `lessons`, `sets`, `targets`).
"""
