"""Where the boxes of a diagram lie and how its lines run: layers, their order, columns, tracks."""
