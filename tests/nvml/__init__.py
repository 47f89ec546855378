"""A driver to test against: a C library that stands in for NVIDIA's, used through the real `pynvml`."""
