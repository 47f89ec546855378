"""Data: rows of any form become canonical rows (`read`), are checked, counted, shown, and written anew.

`sources` reads bytes, `formats` knows forms, `checks` has the words, `lessons` and `sets` find what is wrong.
"""
