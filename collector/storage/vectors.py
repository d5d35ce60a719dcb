"""How the vectors of photos are stored, by the trainer that makes them and the search that compares them."""

import numpy as np

STORED = np.dtype("<f2")  # half the bytes of what features are computed in
