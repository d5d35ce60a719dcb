"""Training jobs: a command with its code and its data, run by an engine on this machine, a fleet, or a cloud."""
