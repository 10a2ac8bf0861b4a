"""`fk.applications`: trained networks; none is built in, so each name says how one is read from a file of Keras."""
