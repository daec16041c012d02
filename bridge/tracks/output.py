"""Where blocks go: one seam for a sound card, a JACK graph, or nobody at a sound card's pace.

An offline render needs none of these; it calls `Mixer.mix` itself.
"""

import logging
from typing import Literal, Protocol

from bridge.tracks.mixer import Mixer

OutputKind = Literal["auto", "portaudio", "jack", "null"]

log = logging.getLogger(__name__)


class OutputError(RuntimeError):
    """An output cannot be opened; the text says what is missing and what to do."""


class Output(Protocol):
    """Something that asks the mixer for its blocks, one after the other."""

    @property
    def name(self) -> str:
        """What a person would call it, such as "portaudio: Scarlett 2i2"."""

    @property
    def live(self) -> bool:
        """Whether it can be heard."""

    @property
    def latency_frames(self) -> int:
        """From the mixing of a frame to its sound; gain, stop and panic wait for one block on top."""

    @property
    def underruns(self) -> int:
        """How often it came too late since it was started; each time a little of the music was missing."""

    def start(self) -> None:
        """Begin to ask for blocks."""

    def stop(self) -> None:
        """Ask for no more. A second stop does nothing; the mixer can be given to another output."""


def open_output(
    kind: OutputKind, mixer: Mixer, *, device: str | int | None = None, block_frames: int | None = None
) -> Output:
    """An output that is ready to start; `block_frames` None lets it choose, as JACK's server always does.

    `device` names a sound card (any part of its name) or the JACK ports to connect to. "auto" takes PortAudio, or says
    in one log line why it cannot and takes the null output. Raises `OutputError` for any other kind that cannot open.
    """
    if kind == "jack":
        from bridge.tracks.jack import JackOutput  # each library is loaded only where its output is wanted

        return JackOutput(mixer, device=device)
    if kind in ("portaudio", "auto"):
        from bridge.tracks.portaudio import PortAudioOutput

        try:
            return PortAudioOutput(mixer, device=device, block_frames=block_frames)
        except OutputError as error:
            if kind == "portaudio":
                raise
            log.warning("No sound: %s The music goes on unheard.", error)
    from bridge.tracks.null import NullOutput

    return NullOutput(mixer, block_frames=block_frames or 256)
