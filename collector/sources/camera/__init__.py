"""The photos that a person took, brought from the camera's folder: see `collector import --camera`."""
