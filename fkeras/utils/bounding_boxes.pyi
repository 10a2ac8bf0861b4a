"""`fk.utils.bounding_boxes`: boxes in images; each name says what to write."""
