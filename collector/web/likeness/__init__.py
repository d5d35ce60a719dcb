"""Which photos look alike: by the places that a model gave them (`trainer index`), compared exactly, without torch."""
