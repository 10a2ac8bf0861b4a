"""`fk.distribution`: where arrays lie; each name says which of JAX to use."""
