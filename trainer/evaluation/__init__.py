"""How good a model is, what it has to beat, and why it errs."""
