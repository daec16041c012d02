"""Takes: every clip that was made, kept with all it takes to make it again.

A take's journal line is on disk before its launch, and so is the sound that it was made from, if it was made from one
(each is kept once, whatever its name was); its samples follow on a thread of the library's own, written aside
and renamed, so a file is whole or not there. Beyond the size bound the oldest unpinned samples go, never their lines.
"""

import contextlib
import hashlib
import json
import os
import queue
import re
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf

from bridge.wav_files import forget_when
from osc_schemas.clip import Clip, Provenance, Samples
from osc_schemas.cue import Cue
from osc_schemas.errors import RequestError
from osc_schemas.request import GenerateRequest
from osc_schemas.shape import NEUTRAL, Shape
from osc_schemas.source import Source, Use

SAMPLES_WAITING_MAX = 256  # clips not yet on disk; more than that waits for the disk


class TakeError(Exception):
    """A take that is asked for cannot be had. The text says what was found, what was wanted and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeFrom:
    """The sound that a take was made from: which one, and what for."""

    samples_hash: str  # of `Source`; the file in the folder "sources" is called so
    strength: float
    use: Use


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """A clip of the library: what was asked, what came about, and where the samples lie."""

    take_id: str
    cue: str
    track: str
    length_beats: float
    tempo_bpm: float
    loudness_lufs: float | None  # None: silent
    request: GenerateRequest  # without its source; `request_again` has it
    provenance: Provenance
    request_to_clip_ms: float
    made_unix_s: float
    path: Path
    pinned: bool = False
    made_from: MadeFrom | None = None
    beats_per_bar: float = 4.0  # of the set that it was made for


def take_id_of(cue_name: str, clip: Clip) -> str:
    """The cue's name and a hash over all that the samples follow from: the same sound has the same id, always."""
    request, provenance = clip.request, clip.provenance
    made_of: list[Any] = [
        provenance.family,
        provenance.weights_hash,
        provenance.device,
        provenance.guidance_scale,
        request.prompt,
        request.seed,
        request.steps,
        request.frames,
        request.tail_frames,
        request.sample_rate_hz,
    ]
    more = [request.tempo_bpm, request.key, asdict(request.shape)]
    if more != [None, "", asdict(NEUTRAL)]:  # without them the id stays what it was before there were any
        made_of += more
    if request.options or request.source:
        made_of.append({"options": request.options, "source": request.source and request.source.identity})
    digest = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:10]
    return f"{re.sub(r'[^a-z0-9]+', '-', cue_name.lower()).strip('-') or 'take'}-{digest}"


class Library:
    """The takes of one folder. `keep`, `put_back`, `pin` and `take` belong to one thread; the disk has its own."""

    def __init__(
        self, folder: Path, *, max_gb: float = 20.0, on_trouble: Callable[[str], None] = lambda sentence: None
    ) -> None:
        """Open or make `folder`. Raises `TakeError` if it cannot be written."""
        self.folder = folder
        self._max_bytes = int(max_gb * 1e9)
        self._on_trouble = on_trouble
        try:
            for name in ("samples", "sources"):
                (folder / name).mkdir(parents=True, exist_ok=True)
            self.takes = read_journal(folder)
            self._journal = (folder / "journal.jsonl").open("a", encoding="utf-8")
        except OSError as error:
            raise TakeError(
                f"the takes folder {folder} cannot be written ({error.strerror}); "
                "name another with UPBEAT_HOME, or give yourself the right to write there"
            ) from error
        self._held: set[Path] = set()  # sounds that are known to be on disk
        self._waiting: queue.Queue[tuple[Take, Samples] | None] = queue.Queue(maxsize=SAMPLES_WAITING_MAX)
        self._writer = threading.Thread(target=self._write_samples, name="takes", daemon=True)
        self._writer.start()

    def keep(
        self,
        clip: Clip,
        cue: Cue,
        *,
        tempo_bpm: float,
        loudness_lufs: float | None,
        request_to_clip_ms: float,
        beats_per_bar: float = 4.0,
    ) -> Take:
        """The take of `clip`, journalled when this returns; its samples follow within a second."""
        source = clip.request.source
        made_from = None
        if source is not None:
            self.hold(source)
            made_from = MadeFrom(samples_hash=source.samples_hash, strength=source.strength, use=source.use)
        take_id = take_id_of(cue.name, clip)
        known = self.takes.get(take_id)
        take = Take(
            take_id=take_id,
            cue=cue.name,
            track=cue.track,
            length_beats=cue.length_beats,
            tempo_bpm=tempo_bpm,
            loudness_lufs=loudness_lufs,
            request=replace(clip.request, source=None),
            provenance=clip.provenance,
            request_to_clip_ms=request_to_clip_ms,
            made_unix_s=time.time(),
            path=self.folder / "samples" / f"{take_id}.wav",
            pinned=known.pinned if known else False,
            made_from=made_from,
            beats_per_bar=beats_per_bar,
        )
        self.takes[take_id] = take
        self._line({"kind": "take", **_as_json(take)})
        if known is None or not known.path.exists():
            self._waiting.put((take, clip.samples))
        return take

    def put_back(self, take: Take, samples: Samples) -> None:
        """Have the samples of a take on disk again, which were lost and are made anew; not if the disk is behind."""
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait((take, samples))

    def hold(self, source: Source) -> None:
        """Have a sound that takes are made from in the folder, whole, when this returns; again costs nothing."""
        path = self.folder / "sources" / f"{source.samples_hash}.wav"
        if path in self._held:
            return
        try:
            if not path.exists():
                write_wav(path, source.samples, source.sample_rate_hz)
            self._held.add(path)
        except (OSError, sf.LibsndfileError) as error:
            self._on_trouble(f"the sound {path.name} is not kept ({error}); what is made from it cannot be made again")

    def pin(self, take_id: str, *, pinned: bool = True) -> Take:
        """Never drop this take's samples (or, with `pinned` false, allow it again). Raises `TakeError` if unknown."""
        take = self.take(take_id)
        self.takes[take_id] = replace(take, pinned=pinned)
        self._line({"kind": "pin", "take_id": take_id, "pinned": pinned})
        return self.takes[take_id]

    def take(self, take_id: str) -> Take:
        """The take of that id. Raises `TakeError` if there is none."""
        return find_take(self.takes, take_id)

    def close(self, *, within_s: float = 10.0) -> None:
        """Write what still waits, bounded in time, and close the journal."""
        self._waiting.put(None)
        self._writer.join(timeout=within_s)
        if self._writer.is_alive():
            self._on_trouble(
                f"some takes were not on disk after {within_s:g} s; their journal lines are, so they can be made again"
            )
        self._journal.close()

    def _line(self, entry: dict[str, Any]) -> None:
        # Flushed to the system before the launch, so it outlives this process; the writer syncs it to the disk.
        try:
            self._journal.write(json.dumps(entry) + "\n")
            self._journal.flush()
        except OSError as error:
            self._on_trouble(f"the journal in {self.folder} cannot be written ({error.strerror}); free some disk space")

    def _write_samples(self) -> None:
        while (item := self._waiting.get()) is not None:
            take, samples = item
            try:
                write_wav(take.path, samples, take.request.sample_rate_hz)
                os.fsync(self._journal.fileno())
                self._make_room()
            except (OSError, sf.LibsndfileError) as error:
                self._on_trouble(f"the samples of {take.take_id} are not on disk ({error}); its journal line is")

    def _make_room(self) -> None:
        files = sorted((self.folder / "samples").glob("*.wav"), key=lambda path: path.stat().st_mtime)
        held = (self.folder / "sources").glob("*.wav")  # these stay, as lines do: without them a line says too little
        too_many = sum(path.stat().st_size for path in (*files, *held)) - self._max_bytes
        pinned = {take.path.name for take in list(self.takes.values()) if take.pinned}
        for path in files:
            if too_many <= 0:
                return
            if path.name not in pinned:
                too_many -= path.stat().st_size
                path.unlink(missing_ok=True)


def write_wav(path: Path, samples: Samples, sample_rate_hz: int) -> None:
    """Write float32 samples (frames, channels) to `path`: whole or not at all. Raises OSError, LibsndfileError."""
    aside = path.with_suffix(".part")
    sf.write(aside, samples, sample_rate_hz, format="WAV", subtype="FLOAT")
    forget_when(aside)
    os.replace(aside, path)


def read_samples(take: Take) -> Samples:
    """The samples (frames, channels) of a take. Raises `TakeError` for a file that is gone or cut short."""
    again = f"`upbeat takes remake {take.take_id}` makes it again from its journal line"
    try:
        samples, _ = sf.read(take.path, dtype="float32", always_2d=True)
    except sf.LibsndfileError as error:
        found = "is damaged" if take.path.exists() else "is gone"
        raise TakeError(f"the samples of {take.take_id} at {take.path}: the file {found}; {again}") from error
    wanted = take.request.frames + take.request.tail_frames
    if len(samples) != wanted:
        raise TakeError(f"{take.path} is cut short: it has {len(samples)} frames of {wanted}; {again}")
    kept: Samples = np.ascontiguousarray(samples, dtype=np.float32)
    return kept


def request_again(take: Take) -> GenerateRequest:
    """What makes the samples of a take again, the sound that it was made from included.

    Raises `TakeError` if that sound is gone or damaged.
    """
    if (made_from := take.made_from) is None:
        return take.request
    path = take.path.parent.parent / "sources" / f"{made_from.samples_hash}.wav"
    try:
        samples, rate_hz = sf.read(path, dtype="float32", always_2d=True)
        source = Source(samples=samples, sample_rate_hz=rate_hz, strength=made_from.strength, use=made_from.use)
    except (sf.LibsndfileError, RequestError) as error:
        found = "is damaged" if path.exists() else "is gone"
        raise TakeError(f"the sound that {take.take_id} was made from {found}; put back the file {path}") from error
    if source.samples_hash != made_from.samples_hash:
        raise TakeError(
            f"{path} holds another sound than the one that {take.take_id} was made from; put back the file as it was"
        )
    return replace(take.request, source=source)


def read_journal(folder: Path) -> dict[str, Take]:
    """The takes of a folder by id, oldest first. A line that a crash cut short is passed over."""
    takes: dict[str, Take] = {}
    journal = folder / "journal.jsonl"
    if not journal.exists():
        return takes
    for line in journal.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            entry = json.loads(line)
            if entry["kind"] == "take":
                take = _from_json(entry, folder)
                takes.pop(take.take_id, None)
                takes[take.take_id] = take
            elif entry["kind"] == "pin" and entry["take_id"] in takes:
                takes[entry["take_id"]] = replace(takes[entry["take_id"]], pinned=bool(entry["pinned"]))
        except (ValueError, KeyError, TypeError):
            continue
    return takes


def find_take(takes: dict[str, Take], take_id: str) -> Take:
    """The take of that id, or the only one whose id begins so. Raises `TakeError`."""
    if take_id in takes:
        return takes[take_id]
    begun = [name for name in takes if take_id and name.startswith(take_id)]
    if len(begun) == 1:
        return takes[begun[0]]
    found = f"{len(begun)} takes begin with {take_id!r}" if begun else f"there is no take {take_id!r}"
    raise TakeError(f"{found}; `upbeat takes list` shows the ids of all {len(takes)}")


def _as_json(take: Take) -> dict[str, Any]:
    return {**asdict(take), "path": take.path.name}


def _from_json(entry: dict[str, Any], folder: Path) -> Take:
    fields = {key: value for key, value in entry.items() if key in Take.__dataclass_fields__}
    request = fields["request"]
    options = tuple((name, value) for name, value in request.get("options", ()))
    request |= {"shape": Shape(**request.get("shape", {})), "options": options}
    fields["request"] = GenerateRequest(**request)
    if fields.get("made_from") is not None:
        fields["made_from"] = MadeFrom(**fields["made_from"])
    fields["provenance"] = Provenance(**fields["provenance"])
    fields["path"] = folder / "samples" / Path(fields["path"]).name
    return Take(**fields)
