"""岗位: who stands in which position, who is away, who acts; the roster and the board for the window."""
