"""A set without a sound card or a clock: stems and a mix on disk, faster than real time, the same each time."""
