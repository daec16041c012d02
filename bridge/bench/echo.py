"""An engine that computes nothing: it answers each request at once, with silence. What is left to measure is the wire.

`python -m bridge.bench.echo` prints its endpoint and ends when its stdin closes.
"""

import functools
import sys
import threading

import numpy as np
import zmq

from osc_schemas import codec
from osc_schemas.clip import Clip, Provenance, Samples
from osc_schemas.routes import ROUTES_VERSION

CHANNELS = 2
_LOOK_EVERY_MS = 100


def main() -> int:
    """Answer until stdin closes."""
    parent_watch = threading.Thread(target=sys.stdin.read, daemon=True)
    parent_watch.start()
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
        router.setsockopt(zmq.LINGER, 0)
        router.bind("tcp://127.0.0.1:0")
        print(router.getsockopt_string(zmq.LAST_ENDPOINT), flush=True)
        while parent_watch.is_alive():
            if router.poll(_LOOK_EVERY_MS):
                client, packet = router.recv_multipart()
                router.send_multipart([client, *answer(packet)], copy=False)
    return 0


def answer(packet: bytes) -> tuple[bytes | memoryview, ...]:
    """The frames of an answer to whatever a link says."""
    [message] = codec.read(packet, to="engine")
    match message.route.address:
        case "/hello":
            names = dict.fromkeys(("engine_id", "family", "weights_hash"), "echo")
            return (codec.write("/hello/reply", version=ROUTES_VERSION, state="ready", **names),)
        case "/engine/generate":
            request = codec.read_request(message)
            samples = _silence(request.frames + request.tail_frames)
            provenance = Provenance(family="echo", weights_hash="echo", device="none", guidance_scale=0.0)
            return codec.write_clip(Clip(request=request, samples=samples, provenance=provenance))
        case "/engine/ping":
            return (codec.write("/engine/pong", nonce=message.whole("nonce"), state="ready"),)
    return (codec.write("/engine/refused", request_id="", reason="echo", sentence="this engine only echoes"),)


@functools.lru_cache(maxsize=4)
def _silence(frames: int) -> Samples:
    return np.zeros((frames, CHANNELS), np.float32)


if __name__ == "__main__":
    sys.exit(main())
