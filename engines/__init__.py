"""Acts: everything that reads and writes jobs, data, models and providers. Knows no screen and no torch."""
