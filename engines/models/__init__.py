"""Who can be talked to and trained: weights on this machine, and chats with them. No torch here."""
