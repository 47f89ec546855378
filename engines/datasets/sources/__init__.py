"""Files as streams of raw values: lines, documents, tables, packed or not; no form of rows is known here."""
