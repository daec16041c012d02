"""What the embedded model can be asked for, told to who wants to learn it: each kind, its words, and prompts to try.

The words come from the lexicon. The prompts are written by hand, four for each kind: the plain sound, one that is
darker, brighter, longer or shorter, and then what suits it: a rhythm for drums, a note or a chord for what has a
pitch, drive or a room for the rest.
"""

from functools import cache
from typing import Final

from engine.text.kinds import GROUPS, LASTING
from engine.text.lexicon import vocabulary as lexicon_vocabulary
from osc_schemas.kind import Kind

SHORT_BEATS: Final = 4.0
LASTING_BEATS: Final = 6.0  # of what fills the clip, and of effects, which take their time

EXAMPLES: Final[dict[str, tuple[str, ...]]] = {
    # drums
    "kick": (
        *("deep punchy kick", "long dark 808 kick", "distorted hardstyle kick"),
        "four on the floor kick loop, 124 bpm",
    ),
    "snare": (
        *("snare", "short bright snare crack", "gated reverb snare in a big hall"),
        "funk snare on the backbeat, 124 bpm",
    ),
    "rimshot": (
        *("rimshot", "dark short side stick", "dub rimshot in a long hall"),
        "latin rim shot pattern, 124 bpm",
    ),
    "clap": (
        *("hand clap", "short dry clap", "bright 909 clap in a big room"),
        "house clap on the backbeat, 124 bpm",
    ),
    "snap": (
        *("finger snap", "dark soft finger snap", "bright finger snaps in a hall"),
        "r&b snap loop, 124 bpm",
    ),
    "closed hat": (
        *("closed hat", "dark short hi-hat", "bright distorted 909 closed hat"),
        "closed hat loop in sixteenths, 124 bpm",
    ),
    "open hat": (
        *("open hat", "short dark open hat", "long bright splashy hat"),
        "open hat on the offbeat, 124 bpm",
    ),
    "ride": (
        *("ride cymbal", "dark jazz ride", "bright ride bell in a room"),
        "ride loop in eighths, 124 bpm",
    ),
    "crash": (
        *("crash cymbal", "short dark splash cymbal", "long bright crash in a hall"),
        "distorted trash cymbal",
    ),
    "shaker": (
        *("shaker", "dark soft cabasa", "bright egg shaker in a room"),
        "shaker loop in sixteenths, 124 bpm",
    ),
    "tambourine": (
        *("tambourine", "bright short tambourine hit", "sleigh bells in a hall"),
        "tambourine loop in eighths, 124 bpm",
    ),
    "tom": (
        *("tom", "low long tribal tom", "high short 808 tom"),
        "tom fill, 124 bpm",
    ),
    "conga": (
        *("conga", "high short conga slap", "low djembe in a room"),
        "conga loop, 124 bpm",
    ),
    "woodblock": (
        *("woodblock", "high bright claves", "low dark temple block in a hall"),
        "woodblock pattern, 124 bpm",
    ),
    "cowbell": (
        *("cowbell", "short bright agogo bell", "distorted phonk cowbell"),
        "808 cowbell loop, 124 bpm",
    ),
    # pitched
    "sub bass": (
        *("sub bass", "long 808 in F1", "distorted drill 808 in G1"),
        "short sub bass in A1",
    ),
    "bass": (
        *("synth bass in E1", "dark dub bass in A1", "bright distorted growl bass in D1"),
        "house bassline in A minor, 124 bpm",
    ),
    "acid bass": (
        *("acid bass in A1", "dark short 303 in D2", "bright distorted acid bass in E2"),
        "303 bassline in A minor, 124 bpm",
    ),
    "pluck": (
        *("pluck in A4", "dark short pluck in D4", "bright harp in G5 with a long hall"),
        "pluck arpeggio in D minor, 124 bpm",
    ),
    "guitar": (
        *("acoustic guitar in E3", "dark nylon string guitar in A2", "distorted metal guitar in E2"),
        "electric G major guitar chord in a hall",
    ),
    "mallet": (
        *("marimba in C4", "dark soft vibraphone in F4", "short bright xylophone in C6"),
        "kalimba riff in G major, 124 bpm",
    ),
    "bell": (
        *("bell in C5", "low long church bell in a hall", "bright high glockenspiel in G6"),
        "dark long bell in E4 with reverb",
    ),
    "piano": (
        *("piano in C4", "dark A minor felt piano", "bright Fmaj7 house piano"),
        "long grand piano in G3 in a hall",
    ),
    "keys": (
        *("electric piano in C4", "dark Dm9 rhodes chord", "bright short clavinet in E3"),
        "distorted Am7 wurlitzer in a room",
    ),
    "organ": (
        *("hammond organ in C4", "D minor church organ in a cathedral", "distorted hammond in G3"),
        "short bright Am7 organ stab",
    ),
    "lead": (
        *("saw lead in A4", "dark mellow lead in D4", "bright distorted lead in E5"),
        "chiptune riff in A minor, 124 bpm",
    ),
    "strings": (
        *("C major strings", "dark solo cello in D3", "bright high violins in A5"),
        "short staccato strings in G4 in a hall",
    ),
    "pad": (
        *("warm pad in D minor", "bright airy Cmaj9 pad", "dark F#m7 pad in a long hall"),
        "distorted A minor pad",
    ),
    "choir": (
        *("D minor choir", "dark low monks chanting in a cathedral", "bright high sopranos in A5"),
        "short G major choir aahs",
    ),
    "brass stab": (
        *("C minor brass stab", "dark low tuba in F1", "bright short Bbmaj7 horn section"),
        "distorted braam in D1 in a hall",
    ),
    "flute": (
        *("flute in A5", "dark soft bass flute in C4", "bright piccolo in D6"),
        "bamboo flute in E5 with a long hall",
    ),
    "drone": (
        *("drone in D2", "dark ambient drone in A1 in a hall", "bright tanpura drone in C3"),
        "distorted doom drone in E1",
    ),
    # effects
    "riser": (
        *("riser", "dark noise riser", "bright synth riser in a hall"),
        "distorted edm riser, 4 beats",
    ),
    "downlifter": (
        *("downlifter", "dark falling sweep", "bright white noise downlifter in a hall"),
        "short tape stop",
    ),
    "sweep": (
        *("filter sweep", "dark whoosh", "short bright swoosh"),
        "whoosh by in a long hall",
    ),
    "impact": (
        *("impact", "dark distant explosion", "short bright door slam"),
        "distorted cinematic boom in a long hall",
    ),
    "sub drop": (
        *("sub drop", "long deep sub drop", "distorted bass drop"),
        "short 808 drop",
    ),
    "zap": (
        *("zap", "short high laser", "low dark laser gun in a hall"),
        "distorted 8 bit laser",
    ),
    "glitch": (
        *("glitch", "dark digital glitch", "bright short stutter"),
        "distorted glitch in a room",
    ),
    "siren": (
        *("siren", "low dark air raid siren in a hall", "high bright police siren"),
        "distorted dub siren with echoing reverb",
    ),
    "reverse cymbal": (
        *("reverse cymbal", "dark reverse cymbal", "bright reverse crash in a hall"),
        "short distorted reverse cymbal",
    ),
    # textures
    "noise": (
        *("white noise", "dark brown noise", "bright tape hiss"),
        "distorted radio static",
    ),
    "vinyl": (
        *("vinyl crackle", "dark dusty vinyl", "bright vinyl pops"),
        "old gramophone in a room",
    ),
    "rain": (
        *("rain", "dark distant rain", "bright rain on a tin roof"),
        "heavy rain in a hall",
    ),
    "water": (
        *("running water", "dark underwater bubbles", "bright high water drops"),
        "dripping water in a cave",
    ),
    "waves": (
        *("ocean waves", "dark distant surf", "bright waves on a beach"),
        "stormy sea in a hall",
    ),
    "wind": (
        *("wind", "dark low howling wind", "bright high whistling wind"),
        "cold wind in a long hall",
    ),
    "fire": (
        *("campfire", "dark distant fire", "bright crackling fireplace"),
        "roaring flames in a hall",
    ),
    "crowd": (
        *("crowd cheering", "dark crowd through a wall", "bright applause in a hall"),
        "cafe chatter",
    ),
    "thunder": (
        *("thunder", "dark distant thunder", "bright cracking thunder"),
        "long rolling thunder in a hall",
    ),
}


@cache
def vocabulary() -> tuple[Kind, ...]:
    """Every kind in the order of its group, with the phrases of the lexicon."""
    lasting = LASTING.union(GROUPS["effects"])
    return tuple(
        Kind(
            group=group,
            name=kind,
            phrases=phrases,
            examples=EXAMPLES[kind],
            length_beats=LASTING_BEATS if kind in lasting else SHORT_BEATS,
        )
        for group, kind, phrases in lexicon_vocabulary()
    )
