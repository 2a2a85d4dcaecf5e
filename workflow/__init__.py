"""Yizhan's floors below the web: diagrams (bpmn), durable cases (engine), the rulebook (station)."""
