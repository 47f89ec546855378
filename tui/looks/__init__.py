"""What the app's watchers look at, one subject a file: each a callable that posts what it saw as messages."""
