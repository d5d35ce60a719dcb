"""The commands for training jobs: queue them, look at them, end them, run them."""
