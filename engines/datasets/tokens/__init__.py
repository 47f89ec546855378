"""How many tokens rows have: by the tokenizer that will be used, or an estimate that says so."""
