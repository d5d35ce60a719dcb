"""How the look-alike sites misbehave when they are asked to."""
