"""电话告知: what clients are still to be told by phone, one after the other."""
