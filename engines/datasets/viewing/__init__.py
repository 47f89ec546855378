"""A file's rows as people look at them: by number, by words, as questions to a model."""
