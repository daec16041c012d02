"""One instance of the plug-in, as the player's side knows it: the clips that it has, and what lies there."""

import math
from collections import OrderedDict, deque
from dataclasses import dataclass, field, replace

from bridge.elsewhere import Landing
from bridge.plugin_desk.beside import Beside, at_rate
from bridge.plugin_desk.sheet import FOR_EVER, next_loop
from bridge.plugin_port import Instance, PluginPort
from bridge.tracks.sound import Sound
from osc_schemas import bounds, codec
from osc_schemas.codec import Value
from osc_schemas.cue import Cue
from osc_schemas.plugin_clip import PluginClip
from osc_schemas.request import GenerateRequest
from osc_schemas.samples import Samples

FIRST_ONCE_ID = 1_000_000  # below that are the entries of the timeline
ONCE_MAX = 64  # landings that an instance keeps beside its sheet
PROMISED_MAX, BENDS_MAX = 1_024, 1_024
SAME_BEAT = 1e-6
# In one instance. It holds twice as much itself, for what it plays goes on while the next sheet comes.
CLIPS_BYTES_MAX, CLIPS_MAX = 2**30, 1_000


@dataclass(slots=True, kw_only=True)
class Item:
    """An entry of the sheet, or a pad: what it is to play, and how far that has come."""

    cue: Cue
    place_id: int = 0  # 0: a pad
    note: int = -1
    soft_db: float = 0.0  # what the softest stroke of a pad adds, and the hardest
    hard_db: float = 0.0
    beat: float = 0.0
    until_beat: float = FOR_EVER
    continues: bool = False  # it is the loop before it, whose knobs were turned
    request: GenerateRequest | None = None
    before: "Item | None" = None  # what it was before the tempo changed
    sound: Sound | None = None
    number: int | None = None  # of the message that placed it, or what still lies in its place
    once: "Once | None" = None  # a landing beside the sheet that is brought to another tempo

    @property
    def kept(self) -> bool:
        """Whether it belongs to the sheet."""
        return self.place_id > 0 and self.once is None

    @property
    def key(self) -> tuple[int, int]:
        """The same for what stands in the same place of another sheet."""
        return self.place_id, self.note


@dataclass(slots=True, kw_only=True)
class Once:
    """A landing beside the sheet, at a beat of the host."""

    landing: Landing
    place_id: int
    host_beat: float
    gain: float = 1.0  # times the clip's own: how hard it was struck
    by_hand: bool = False  # it sounds in a host that stands still
    number: int | None = None  # of the message that placed it


@dataclass(slots=True, kw_only=True)
class Promise:
    """A landing that the host is to play, until it says that it has."""

    landing: Landing
    host_beat: float


@dataclass(frozen=True, slots=True)
class _Had:
    """A clip that the instance has."""

    number: int
    gain: float
    loop: bool
    length_beats: float
    size: int


@dataclass(slots=True, kw_only=True)
class Attached:
    """An instance and what it was sent. One owner thread, the player's."""

    instance: Instance
    port: PluginPort
    beside: Beside
    came_s: float
    items: list[Item] = field(default_factory=list)
    pending: deque[Item] = field(default_factory=deque)
    version: int = 0  # of the sheet
    complete: bool = False
    made_for: object = None  # what the sheet follows from; another one, and it is made anew
    restless: object = None  # what it would follow from now, if that rests
    restless_since_s: float = 0.0
    once: OrderedDict[str, Once] = field(default_factory=OrderedDict)  # by landing id
    standing: dict[str, Once] = field(default_factory=dict)  # to sound soon in a host that stands, by landing id
    due: dict[str, tuple[Item, Landing]] = field(default_factory=dict)  # landings that the sheet has, by landing id
    bends: deque[tuple[float, Sound, Sound]] = field(default_factory=lambda: deque(maxlen=BENDS_MAX))  # when, old, new
    promised: OrderedDict[str, Promise] = field(default_factory=OrderedDict)  # by landing id
    named: set[str] = field(default_factory=set)  # takes that the host's project names
    run: int | None = None  # of the host, by its epoch
    looked_at_s: float | None = None  # since when what loops in that run may be asked for; None: it was
    is_full: bool = False  # something found no room in it
    _clips: dict[str, _Had] = field(default_factory=dict)  # by take id
    _next_id: int = FIRST_ONCE_ID

    def tell(self, address: str, **values: Value) -> int | None:
        """Send a message; its number, or None if there is no room for it now."""
        return self.port.send(self.instance.identity, codec.write(address, **values))

    @property
    def has_room(self) -> bool:
        """Whether there is room for any message to it."""
        return self.port.has_room(self.instance.identity)

    def is_sent(self, number: int | None) -> bool:
        """Whether the message of that number, and so all before it, is on its way."""
        return number is not None and self.port.is_sent(self.instance.identity, number)

    def give(self, sound: Sound, *, loop: bool, length_beats: float, at_once: bool = False) -> int | None:
        """Have the instance have a sound, at its rate. None: not yet; ask again.

        `at_once`: what has to be brought to another rate is not left to the thread beside the music.
        """
        had = self._clips.get(sound.take_id)
        if had is not None and (had.gain, had.loop) == (sound.gain, loop):
            return had.number
        request, to_hz = sound.request, self.instance.sample_rate_hz
        tail_frames = round((len(sound.samples) - request.frames) * to_hz / request.sample_rate_hz)
        frames = max(1, round(request.frames * to_hz / request.sample_rate_hz))
        if not self.has_memory(sound):
            self.is_full = True
            return None
        samples = self._fitted(sound, frames + tail_frames, at_once=at_once)
        if samples is None:
            return None
        clip = PluginClip(
            take_id=sound.take_id,
            samples=samples[:, : bounds.SOURCE_CHANNELS_MAX],
            frames=frames,
            sample_rate_hz=to_hz,
            gain=sound.gain,
            length_beats=length_beats,
            tempo_bpm=request.tempo_bpm or 120.0,
            loop=loop,
            sustained=sound.sustained,
        )
        number = self.port.send(self.instance.identity, *codec.write_plugin_clip(clip))
        if number is not None:
            self._clips[sound.take_id] = _Had(number, sound.gain, loop, length_beats, clip.samples.nbytes)
        return number

    def has_memory(self, sound: Sound) -> bool:
        """Whether it has that sound, or may still take it beside all that is not to be dropped."""
        if sound.take_id in self._clips:
            return True
        frames = math.ceil(len(sound.samples) * self.instance.sample_rate_hz / sound.request.sample_rate_hz)
        size = 4 * frames * min(sound.samples.shape[1], bounds.SOURCE_CHANNELS_MAX)
        held = list(self._clips.values())
        if len(held) >= CLIPS_MAX or sum(had.size for had in held) + size > CLIPS_BYTES_MAX:
            used = self._used()
            held = [had for take_id, had in self._clips.items() if take_id in used]
        return len(held) < CLIPS_MAX and sum(had.size for had in held) + size <= CLIPS_BYTES_MAX

    def has(self, take_id: str) -> bool:
        """Whether it was sent that take."""
        return take_id in self._clips

    def place(self, once: Once) -> bool:
        """Have a landing beside the sheet lie at its beat of the host. False: there is no room, or no clip, yet."""
        cue = once.landing.cue
        until_beat = next_loop(once.host_beat, self.loop_beats)
        if self.load(once) is not None:
            number = self.tell(
                "/plugin/place",
                id=once.place_id,
                take_id=once.landing.sound.take_id,
                beat=once.host_beat,
                loop=int(cue.loop),
                until_beat=until_beat,
                kept=0,
                gain=once.gain,
            )
            once.number = once.number if number is None else number
            return number is not None
        return False

    @property
    def loop_beats(self) -> list[float]:
        """Where the loops of the sheet begin."""
        return [item.beat for item in self.items if item.kept and item.cue.loop and not item.continues]

    def load(self, once: Once) -> int | None:
        """Have the instance have the sound of a landing, at the level of pads and sheet. As `give`."""
        cue, sound = once.landing.cue, once.landing.sound
        own = next((item.sound for item in self.items if item.sound and item.sound.take_id == sound.take_id), sound)
        once.gain = sound.gain / own.gain if own.gain > 0 else 1.0
        return self.give(replace(sound, gain=own.gain), loop=cue.loop, length_beats=cue.length_beats)

    def keep_once(self, once: Once) -> None:
        """Remember a landing beside the sheet; the oldest is forgotten if there are many."""
        self.once[once.landing.landing_id] = once
        while len(self.once) > ONCE_MAX:
            self.once.popitem(last=False)

    def forget_landings(self) -> None:
        """Nothing but the sheet and the pads is to sound any more."""
        for landings in (self.once, self.standing, self.due, self.promised, self.bends):
            landings.clear()

    def turns_by_itself(self, old: Sound, new: Sound) -> bool:
        """Whether the sheet has a loop go on in that other shape, and it is the sheet's loop that is meant."""
        fired = any(once.landing.sound is old for once in self.once.values())
        later = (item.sound.take_id for item in self.items if item.continues and item.sound is not None)
        return not fired and new.take_id in later

    def swap(self, old: Sound, new: Sound) -> None:
        """Let `new`, as long, go on wherever the instance has `old`."""
        had = self._clips[old.take_id]
        struck = next((once.gain for once in self.once.values() if once.landing.sound is old), 1.0)
        level = new if struck == 1 else replace(new, gain=new.gain / struck)
        if self.give(level, loop=had.loop, length_beats=had.length_beats, at_once=True) is not None:
            self.tell("/plugin/swap", old_take_id=old.take_id, new_take_id=new.take_id)
        for item in self.items:
            if item.sound is not None and item.sound.take_id == old.take_id:
                item.sound = level
        for once in self.once.values():
            if once.landing.sound.take_id == old.take_id:
                as_struck = new if once.landing.sound is old else replace(new, gain=level.gain * once.gain)
                once.landing = replace(once.landing, sound=as_struck)

    def promise(self, landing: Landing, host_beat: float) -> None:
        """Note that the host plays a landing there, so that it is neither noted twice nor lost with its host."""
        self.promised[landing.landing_id] = Promise(landing=landing, host_beat=host_beat)
        while len(self.promised) > PROMISED_MAX:
            self.promised.popitem(last=False)

    def keeps_promise(self, cue: str, host_beat: float) -> bool:
        """Whether what has sounded there was promised; it is no longer, then."""
        kept = (
            landing_id
            for landing_id, one in self.promised.items()
            if one.landing.cue.name == cue and abs(one.host_beat - host_beat) < SAME_BEAT
        )
        return self.promised.pop(next(kept, ""), None) is not None

    def continue_from(self, before: "Attached") -> None:
        """The same instance was away, or has another rate: it still has what it had, and is told it all again."""
        self.items = [replace(item, number=None if item.number is None else 0) for item in before.items]
        self.named = before.named
        self.once, self.promised, self.version = before.once, before.promised, before.version
        self.bends = before.bends
        self._next_id = before._next_id
        for once in self.once.values():
            once.number = None

    def new_id(self) -> int:
        """An id for a landing beside the sheet."""
        self._next_id += 1
        return self._next_id - 1

    def drop_unused(self) -> None:
        """Let go of the clips that nothing here names any more."""
        used = self._used()
        for take_id in [take_id for take_id in self._clips if take_id not in used]:
            if self.tell("/plugin/drop", take_id=take_id) is not None:
                del self._clips[take_id]

    def _used(self) -> set[str]:
        beside = [*self.once.values(), *self.standing.values()]
        used = {item.sound.take_id for item in self.items if item.sound is not None}
        return used | self.named | {once.landing.sound.take_id for once in beside}

    def _fitted(self, sound: Sound, frames: int, *, at_once: bool) -> Samples | None:
        from_hz, to_hz = sound.request.sample_rate_hz, self.instance.sample_rate_hz
        if from_hz == to_hz:
            return sound.samples

        def job() -> Samples:
            return at_rate(sound.samples, frames=frames, from_hz=from_hz, to_hz=to_hz)

        return job() if at_once else self.beside.result(("rate", sound.take_id, to_hz), job)
