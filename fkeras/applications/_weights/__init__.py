"""Weights of networks: where published ones are, and models that begin with those of a file."""
