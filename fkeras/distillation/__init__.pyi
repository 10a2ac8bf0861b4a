"""`fk.distillation`: a small model that learns from a large one; each name says how that is written."""
