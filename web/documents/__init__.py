"""Documents: their PDF for staff, their verification for anybody."""
