"""A job's data: prepared as canonical rows before it, and which of them it found hardest."""
