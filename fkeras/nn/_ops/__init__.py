"""Keras's ops that neither jax.numpy nor jax.nn has, or has under other arguments: plain functions of arrays."""
