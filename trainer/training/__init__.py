"""From a data set version to a model: augmentation, loop, checkpoints."""
