"""The networks, one file a family: a table of its members, and the function that describes any of them."""
