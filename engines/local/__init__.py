"""The local engine: a queue, leased GPUs, and one supervisor a job. Its processes outlive every terminal."""
