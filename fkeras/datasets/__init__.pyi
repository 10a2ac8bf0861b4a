"""`fk.datasets`: known data sets; none is built in, so each name says how one is had."""
