"""Tracks: clips laid on frames, summed by compiled code, heard through an output and kept by a recorder."""
