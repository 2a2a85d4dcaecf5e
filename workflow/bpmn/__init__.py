"""The diagram: pure, without a database. The only room that imports SpiffWorkflow."""
