"""New files made from datasets: converted, split, mended. A source is never touched."""
