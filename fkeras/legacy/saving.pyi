"""`fk.legacy.saving`: configs of Keras 2; each name says what Keras 3 has."""
