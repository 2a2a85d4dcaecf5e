"""讨论: what the staff say to each other about a case, and who has it open now."""
