"""All tests of the engine compute on one thread, as the engine does: two would wait for each other."""

import torch

torch.set_num_threads(1)
