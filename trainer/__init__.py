"""Learns from the collected photos: data set versions, training runs, honest evaluation, answers for a new photo."""
