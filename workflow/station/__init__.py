"""The rulebook: posts, items, cases, clocks, documents. Uses the engine, never the web."""
