"""Float32 WAV files whose bytes follow from their samples alone, so that the same render is the same file."""

from pathlib import Path

PEAK_WITHIN_BYTES = 256  # libsndfile puts its PEAK chunk right behind the format


def forget_when(path: Path) -> None:
    """Set the time of writing, which libsndfile notes in a float WAV's PEAK chunk, to 0 (1 January 1970).

    The chunk: "PEAK", its size, a version, the time; each of the latter a little-endian 32-bit number.
    """
    with path.open("r+b") as file:
        place = file.read(PEAK_WITHIN_BYTES).find(b"PEAK")
        if place >= 0:
            file.seek(place + 12)
            file.write(bytes(4))
