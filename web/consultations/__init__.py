"""咨询: the list, one enquiry, registering one, and the library of approved answers."""
