"""Convolutions and activations of the published models' decoders on a CPU: fewer multiplications, fewer passes."""
