"""Answers for new photos: reading the photos, predicting, similar photos, and saliency maps."""
