"""The check of whole files: blocks of rows looked at by every core, and the report of what was found."""
