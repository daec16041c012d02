"""A host for the plug-in: DawDreamer, in a process of its own, which renders as fast as it can and has a transport.

Spoken to by its arguments: the VST3, the tempo, the slot, how many seconds, and the file for what was heard. It prints
"loaded", waits for a line, renders, and prints "rendered".
"""

import sys

import dawdreamer
import numpy as np

RATE_HZ, BLOCK_FRAMES = 48_000, 512


def main(vst3: str, tempo_bpm: str, slot: str, seconds: str, heard: str) -> None:
    engine = dawdreamer.RenderEngine(RATE_HZ, BLOCK_FRAMES)
    engine.set_bpm(float(tempo_bpm))
    plugin = engine.make_plugin_processor("upbeat", vst3)
    names = {described["name"]: described["index"] for described in plugin.get_parameters_description()}
    plugin.set_parameter(names["Slot"], (int(slot) - 1) / 63)
    plugin.set_parameter(names["Bounce"], 1.0)
    engine.load_graph([(plugin, [])])
    print("loaded", flush=True)
    sys.stdin.readline()
    engine.render(float(seconds))
    np.save(heard, engine.get_audio().T)
    print("rendered", flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    main(*sys.argv[1:])
