"""Waveform or mel to latents and back: one file per autoencoder."""
