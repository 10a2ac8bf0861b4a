"""`fk.preprocessing.text`: text as numbers, an older way; each name says which layer to use."""
