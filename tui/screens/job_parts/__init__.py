"""The parts of a job's page: each shows one thing that was read of the job. No files are read here."""
