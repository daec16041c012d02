"""The mixer's memory: records of fixed size and place, written by Python and the compiled kernel by turns.

Frames are the mixer's own, counted from 0. One side writes each ring and the other reads it; a ring's count of
written entries is stored with release and loaded with acquire, so an entry is whole when it is seen.
"""

import numpy as np

CHUNK_FRAMES = 256  # a block is mixed in pieces of at most this, so the sums have a fixed size
COMMANDS_MAX = 1024  # waiting for the next block; a power of two
NEVER = 2**62  # a frame that does not come

PLAY, SWAP, END, END_ALL, GAIN, MOVE = range(6)  # what a command asks
BEGAN, FINISHED = range(2)  # what a report tells

COMMAND = np.dtype(
    [
        ("kind", np.int64),
        ("slot", np.int64),  # the place in the table of voices
        ("old_slot", np.int64),  # of the voice that another takes over from
        ("voice", np.int64),
        ("track", np.int64),  # the number of tracks: every track
        ("start_frame", np.int64),  # of a voice, of its end, of a swap, of a ramp, or where a voice is moved to
        ("end_frame", np.int64),
        ("fade_in_frames", np.int64),  # or the swap's, or the ramp's
        ("fade_out_frames", np.int64),
        ("samples", np.intp),  # address of float32 (frames, channels)
        ("channels", np.int64),
        ("gain", np.float64),
        ("rank", np.int64),  # follows from the samples; the order of voices that start together
    ],
    align=True,
)

VOICE = np.dtype(
    [
        ("voice", np.int64),
        ("track", np.int64),
        ("start_frame", np.int64),  # samples[0] belongs here
        ("heard_frame", np.int64),  # the first that sounds: after the start if planned too late, or swapped in
        ("end_frame", np.int64),  # where the fade out ends
        ("stop_frame", np.int64),  # from here on silent: the end, or the end of a cut
        ("fade_in_frame", np.int64),  # where the fade in begins
        ("fade_in_frames", np.int64),
        ("fade_out_frames", np.int64),
        ("enter_frames", np.int64),  # how long it takes over from another voice, from heard_frame on; 0 if it does not
        ("leave_frame", np.int64),  # where another begins to take over from it; NEVER without one
        ("leave_frames", np.int64),
        ("cut_frame", np.int64),  # where an early end begins to fade; NEVER without one
        ("cut_frames", np.int64),
        ("cut_gain", np.float64),  # the level an earlier cut had left at cut_frame
        ("samples", np.intp),
        ("channels", np.int64),
        ("gain", np.float64),
        ("rank", np.int64),
        ("begun", np.int64),
    ],
    align=True,
)

BUS = np.dtype(  # of a track
    [
        ("from_gain", np.float64),
        ("to_gain", np.float64),
        ("ramp_frame", np.int64),
        ("ramp_frames", np.int64),
        ("next_gain", np.float64),
        ("next_frame", np.int64),  # where the next ramp begins; NEVER without one
        ("next_frames", np.int64),
    ],
    align=True,
)

REPORT = np.dtype(
    [
        ("kind", np.int64),
        ("slot", np.int64),
        ("voice", np.int64),
        ("start_frame", np.int64),
        ("first_frame", np.int64),
    ],
    align=True,
)

MIXER = np.dtype(
    [
        # where everything else lies
        ("tracks", np.int64),
        ("voices_max", np.int64),
        ("voices", np.intp),
        ("order", np.intp),  # int64 (voices_max,): slots in use, in the order of summing
        ("order_count", np.int64),
        ("buses", np.intp),  # the tracks'
        ("sums", np.intp),  # float32 (tracks + 1, 2 * CHUNK_FRAMES), the master last
        ("envelope", np.intp),  # float32 (CHUNK_FRAMES,)
        ("commands", np.intp),
        ("reports", np.intp),
        ("reports_max", np.int64),
        # the clock and the rings, each written by one side only
        ("frame", np.int64),
        ("block_frames", np.int64),  # how many the latest block had
        ("commands_written", np.int64),
        ("commands_read", np.int64),
        ("reports_written", np.int64),
        ("reports_read", np.int64),
        # the safety limiter and what can be said about the sound
        ("limiter_gain", np.float64),
        ("limiter_release", np.float64),
        ("limited_frames", np.int64),
        ("peak", np.float64),
        ("bad_samples", np.int64),
        ("underruns", np.int64),
        # the tap a recorder reads
        ("tap_armed", np.int64),
        ("tap_rows", np.int64),
        ("tap", np.intp),  # float32 (tap_rows, 2 * (tracks + 1))
        ("tap_frames", np.intp),  # int64 (tap_rows,): the frame of each row
        ("tap_written", np.int64),
        ("tap_read", np.int64),
        # what a callback needs from its sound library
        ("host", np.intp, (8,)),
    ],
    align=True,
)


def offset(name: str) -> int:
    """The bytes from the start of the mixer's record to one of its fields."""
    fields = MIXER.fields
    assert fields is not None
    return fields[name][1]
