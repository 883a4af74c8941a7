"""The command: thin, imports each part only when it is asked for."""
