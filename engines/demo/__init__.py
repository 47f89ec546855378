"""The bundled demonstration: a toy model, the data that tunes it, and the generator that wrote both.

Nothing here imports torch: the model is made by `engines/trainer/pretrain.py`, started as a process.
"""
