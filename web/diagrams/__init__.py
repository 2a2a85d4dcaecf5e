"""流程图: every published diagram, readable for all, with 已阅."""
