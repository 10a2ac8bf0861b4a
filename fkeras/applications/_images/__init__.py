"""What stands before a network and behind it: the range of its pixels, and the names of its classes."""
