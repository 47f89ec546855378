"""What is wrong with what a row teaches: its turns, its texts, what was left in them."""
