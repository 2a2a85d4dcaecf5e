"""运行异常: what cannot go on by itself, and may be tried again."""
