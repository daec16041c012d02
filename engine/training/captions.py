"""What people call the kinds of sound, and captions made of it. Paraphrase is learned here or nowhere."""

from typing import Final

import numpy as np

from engine.text.encoder import ATTRIBUTES
from engine.text.notes import hz_of_midi, note_name
from engine.training.wishes import Wish


def _words(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split("|"))


NOUNS: Final = {
    "kick": _words(
        "kick drum | kick | bass drum | bd hit | electronic kick | 808 kick | 909 kick | techno kick | house kick |"
        "punchy kick | four on the floor kick | thump | kik | boomy kick drum | low drum thud | kickdrum | bassdrum |"
        "club kick | hardstyle kick | trap kick | acoustic kick drum | drum thump | kick hit | bd | boom boom kick"
    ),
    "snare": _words(
        "snare drum | snare | snare hit | sd | backbeat snare | rattling snare | side drum | snare crack | trap snare |"
        "rimmy snare | snare shot | 808 snare | 909 snare | acoustic snare drum | snappy snare | military snare |"
        "drum and bass snare | snr | snare on two and four | cracking snare"
    ),
    "closed hat": _words(
        "closed hi-hat | closed hat | hi-hat | hihat | hat | tick of a closed cymbal | hats | chh | closed hihat |"
        "ticking hi hat | hi hat | closed high hat | high hat | hh | tsk | 808 hat | trap hats | closed cymbal tick |"
        "hi hat tick | pedal hat"
    ),
    "open hat": _words(
        "open hi-hat | open hat | open hihat | ohh | open cymbal | sizzling open hat | splashy open hi hat |"
        "sizzle cymbal | ride out open hat | open high hat | offbeat open hat | tsss | open hats | disco open hat |"
        "crash cymbal | cymbal | cymbal splash | open hi hat on the offbeat | ride cymbal"
    ),
    "clap": _words(
        "clap | hand clap | handclap | claps | clapping | applause hit | people clapping once | 808 clap | 909 clap |"
        "clap snare layer | house clap | hands clapping | clap stack | group clap | crowd clap | backbeat clap"
    ),
    "tom": _words(
        "tom | tom drum | tom tom | floor tom | rack tom | tomtom | tribal tom | mid drum | toms | conga like tom |"
        "tom fill hit | 808 tom | conga | bongo | hand drum | djembe | taiko drum | timpani | drum skin hit"
    ),
    "cowbell": _words(
        "cowbell | 808 cowbell | cow bell | metal percussion hit | perc | percussion hit | agogo | metallic perc |"
        "clank | metal clank | percussion | more cowbell | metallic hit | latin cowbell | tin can hit | pipe hit"
    ),
    "bass": _words(
        "bass note | synth bass | bass | bassline note | sub bass | bass guitar tone | reese bass | low synth note |"
        "saw bass | acid bass | 303 bass | bassline | techno bass | funk bass | moog bass | square bass | analog bass |"
        "rolling bass | bass stab | bass hit | wobble bass | deep sub | subbass | house bass"
    ),
    "pluck": _words(
        "pluck | plucked string | plucky synth | string pluck | guitar string picked | harp pluck | pizzicato |"
        "plucks | picked string | koto | synth pluck | guitar pluck | harp | kalimba | marimba | trance pluck |"
        "plucked synth | mandolin | banjo | acoustic guitar note | lute | sitar pluck | arp note"
    ),
    "pad": _words(
        "pad | synth pad | chord pad | lush pad | sustained chord | string pad | ambient chord wash |"
        "sustained chords | warm synthesizer chords | strings | ambient pad | evolving pad | dreamy pad |"
        "analog pad | choir pad | string section chord | atmospheric pad | polysynth chord | warm pad | soft pad |"
        "chord wash | organ chord | ethereal pad"
    ),
    "keys": _words(
        "electric piano | keys | piano note | rhodes | e-piano | keyboard note | piano key | epiano | wurlitzer |"
        "key stab | piano | fender rhodes | piano stab | neo soul keys | clavinet | jazzy keys | house piano |"
        "grand piano note | keyboard | wurli | lofi keys"
    ),
    "bell": _words(
        "bell | bell tone | chime | ringing bell | church bell | glockenspiel | tubular bell | chimes | ding | bells |"
        "fm bell | music box | crystal bell | vibraphone | temple bell | wind chime | hand bell | gong | triangle |"
        "glassy bell | ding dong | tinkle"
    ),
    "drone": _words(
        "drone | bass drone | synth drone | droning hum | low hum | dark ambient drone | sustained buzzing hum |"
        "humming tone | buzzing drone | hum | drone tone | ominous drone | tanpura drone | engine hum | mains hum |"
        "deep space hum | meditation drone | dark drone bed | buzz"
    ),
    "riser": _words(
        "riser | uplifter | build up sweep | rising sweep | sweep going up | tension riser | upsweep | rising whoosh |"
        "build riser | build up | noise riser | edm riser | buildup | white noise riser | rise | ascending sweep |"
        "sweep up | whoosh up | pre drop riser | lifting sweep"
    ),
    "downlifter": _words(
        "downlifter | falling sweep | sweep going down | down sweep | drop sweep | falling whoosh | downsweep |"
        "descending sweep | sweep down | down lifter | noise downlifter | whoosh down | post drop sweep |"
        "downer | fall | descending whoosh | white noise sweep down | downwards sweep"
    ),
    "impact": _words(
        "impact | cinematic hit | boom impact | impact boom | trailer hit | explosion | big boom | braam hit |"
        "cinematic boom | detonation | boom | cinematic impact | bomb | blast | sub drop hit | thunder |"
        "thunder clap | epic hit | slam | cannon shot | crash boom"
    ),
    "zap": _words(
        "zap | laser | laser zap | blaster shot | sci-fi gun | pew pew | ray gun | lasers | space gun shot | pew |"
        "laser shot | arcade laser | retro game shot | 8 bit laser | phaser shot | synth zap | blip down |"
        "laser blast | video game zap | electric zap"
    ),
    "noise": _words(
        "noise | noise texture | hiss | static | white noise | tv static | hissing | tape hiss | radio static |"
        "vinyl noise | pink noise | noise bed | noise floor | steam hiss | air hiss | brown noise | shhh |"
        "noise wash | analog noise | untuned radio"
    ),
    "rain": _words(
        "rain | rainfall | rain drops | rain ambience | drizzle | raindrops | pouring rain | water dripping |"
        "shower of rain | rain on a roof | rainstorm | vinyl crackle | crackle | crackling | falling rain |"
        "rainy day | dripping water | water drops | fire crackling | record crackle | rain on a window"
    ),
    "wind": _words(
        "wind | wind ambience | gust of wind | howling wind | windy breeze | storm blowing | gusts | breeze |"
        "whistling wind | wind blowing | storm wind | desert wind | arctic wind | winter wind | wind in the trees |"
        "wind noise | gale | blowing wind | ocean waves | sea waves | surf"
    ),
}

# Wordings that no caption in training uses; they share stems with those above.
HELD_OUT_NOUNS: Final = {
    "kick": _words("gabber kick drum | thumping bass drum"),
    "snare": _words("piccolo snare | rattling side drum"),
    "closed hat": _words("tight hihats | ticking hats"),
    "open hat": _words("open hihats | splashy open cymbals"),
    "clap": _words("clappy hit | double handclaps"),
    "tom": _words("low tom drums | tomtoms"),
    "cowbell": _words("cowbells | clanking metal"),
    "bass": _words("sub bassline | bass synth"),
    "pluck": _words("plucked harp | pizzicatos"),
    "pad": _words("warm pads | chords pad"),
    "keys": _words("electric pianos | rhodes keys"),
    "bell": _words("church bells | glockenspiels"),
    "drone": _words("drones | humming drone"),
    "riser": _words("risers | uprising sweep"),
    "downlifter": _words("downlifters | sweeping downward"),
    "impact": _words("impacts | huge explosion"),
    "zap": _words("laser gun | zaps"),
    "noise": _words("static noise | hissy noise"),
    "rain": _words("rainy ambience | rain shower"),
    "wind": _words("winds | windy gust"),
}

BEFORE: Final = {  # adjectives for a level of an attribute
    ("brightness", 1): _words("bright | crisp | airy | brilliant | shiny | sparkling | harsh"),
    ("brightness", -1): _words("dark | muffled | dull | mellow | warm | soft | muted | murky"),
    ("length", 1): _words("long | sustained | ringing | long decaying | slow"),
    ("length", -1): _words("short | tight | snappy | quick | brief | staccato"),
    ("pitch", 1): _words("high pitched | high | high tuned | higher"),
    ("pitch", -1): _words("low pitched | deep | low tuned | low"),
    ("drive", 1): _words("distorted | gritty | saturated | overdriven | dirty | crunchy | fuzzy"),
    ("room", 1): _words("roomy | reverberant | spacious | echoing | wet"),
}
AFTER: Final = {  # phrases for it
    ("brightness", 1): _words("with lots of top end | with lots of highs"),
    ("brightness", -1): _words("with a rolled off top | with no highs"),
    ("length", 1): _words("with a long tail | with long decay | ringing out"),
    ("length", -1): _words("with short decay | with a tight decay | cut short"),
    ("drive", 1): _words("with distortion | through a tape saturator"),
    ("room", 1): _words("with reverb | in a hall | in a big room | in a church"),
}
STYLES: Final = _words(  # said of anything, and without consequence
    "techno | house | trap | lofi | ambient | cinematic | edm | minimal | vintage | retro | analog | electronic |"
    "clean | simple | nice | big | fat | punchy | hypnotic | drum and bass | hip hop"
)
OPENINGS: Final = ("", "", "", "", "a ", "the sound of a ", "sample of a ", "one shot ", "a single ", "some ")
TUNINGS: Final = ("in", "tuned to", "on", "at", "playing")

ATTRIBUTE_SAID: Final = 0.88
PHRASE_SHARE: Final = 0.3  # of attributes said by a phrase that follows
STYLE_SHARE: Final = 0.15
TYPO_SHARE: Final = 0.25
WORD_LOST: Final = 0.08


def caption(wish: Wish, rng: np.random.Generator, *, held_out: bool = False) -> str:
    """One of many ways to say `wish`; some of its attributes may stay unsaid, its note is said if it is to be."""

    def pick(words: tuple[str, ...]) -> str:
        return words[rng.integers(len(words))]

    noun = pick((HELD_OUT_NOUNS if held_out else NOUNS)[wish.kind])
    before: list[str] = []
    after: list[str] = []
    for attribute, level in zip(ATTRIBUTES, wish.levels, strict=True):
        if level == 0 or rng.random() > ATTRIBUTE_SAID:
            continue
        if (attribute, level) in AFTER and rng.random() < PHRASE_SHARE:
            after.append(pick(AFTER[attribute, level]))
        else:
            before.append(pick(BEFORE[attribute, level]))
    if rng.random() < STYLE_SHARE:
        before.append(pick(STYLES))
    if wish.note_said and wish.midi is not None:
        note = note_name(wish.midi)
        how = rng.random()
        if how < 0.35:
            noun = f"{note} {noun}"
        elif how < 0.9:
            after.append(f"{pick(TUNINGS)} {note}")
        else:
            after.append(f"at {hz_of_midi(wish.midi):.2f} Hz")
    rng.shuffle(before)
    rng.shuffle(after)
    return pick(OPENINGS) + " ".join([*before, noun, *after])


def mistyped(text: str, rng: np.random.Generator) -> str:
    """The text as a hasty hand types it: perhaps a letter wrong, perhaps a word gone."""
    if len(text) > 5 and rng.random() < TYPO_SHARE:
        place = int(rng.integers(1, len(text) - 1))
        letter = "abcdefghijklmnopqrstuvwxyz"[rng.integers(26)]
        text = (
            text[:place] + text[place + 1 :],
            text[:place] + text[place + 1] + text[place] + text[place + 2 :],
            text[:place] + letter + text[place:],
        )[rng.integers(3)]
    kept = [word for word in text.split() if rng.random() > WORD_LOST]
    return " ".join(kept) or text
