"""What sound is, everywhere but inside a network."""

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]  # (frames, channels)
