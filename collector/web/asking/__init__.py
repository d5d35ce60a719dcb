"""What a model says of a photo: asked of `trainer serve`, so that the photo search needs no model of its own."""
