"""The contracts of firmus: definitions, executions, commands, events, subjects and errors."""
