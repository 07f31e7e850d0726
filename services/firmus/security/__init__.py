"""Who may do what: API keys, tokens, roles on names. What all entrances of the system share."""
