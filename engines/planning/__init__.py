"""What a job will need, before there is one. Numbers say whether they are floors, estimates or measured."""
