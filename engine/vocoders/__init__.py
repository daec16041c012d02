"""The last stage of a family: what its networks wrote becomes a waveform."""
