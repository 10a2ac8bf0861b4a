"""`fk.visualization`: pictures of data; each name says what to write."""
