"""Data: rows in any form become canonical rows (`read`), are checked, counted, shown, and made into new files.

`sources` reads bytes, `formats` knows forms, `checks` has the words, `lessons` and `sets` find what is wrong.
"""
