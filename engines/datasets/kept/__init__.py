"""What is known of files without reading them again: findings, tokens, the jobs that used them."""
