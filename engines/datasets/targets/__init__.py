"""What each place of training takes: its rules for rows and files, its tokenizer, its limits."""
