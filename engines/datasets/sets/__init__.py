"""What only a look at all rows shows: equal, alike or contradicting rows, and which stay together."""
