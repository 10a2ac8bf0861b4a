"""`fk.wrappers`: models as scikit-learn estimators; each name says what to write."""
