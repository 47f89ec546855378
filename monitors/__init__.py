"""Watches: decides when to look and keeps histories. Writes nothing into a job."""
