"""The commands about training jobs: queue them, look at them, end them, work on them."""
