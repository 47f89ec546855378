"""Shows: the Textual app and the command line. What computes lives in monitors and engines."""
