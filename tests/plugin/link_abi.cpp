// The link with its player for a test in another language, which is the host: it activates, saves, recalls, and runs blocks.
#include <cstring>
#include <memory>

#include "link.hpp"

using namespace upbeat;

struct Both {
    Player player;
    Link link{player, "instrument"};
    BlockTime time;
};

extern "C" {

Both* both_new() {
    auto* both = new Both;
    both->player.reset(48000);
    both->time.known = true;
    both->link.start(48000);
    return both;
}

void both_free(Both* both) { delete both; }
void both_recall(Both* both, const char* text) { both->link.recall(text); }
void both_freeze(Both* both, int frozen) { both->link.set_frozen(frozen != 0); }
void both_turn(Both* both, int knob, float value) { both->link.set_knob(knob, value); }
void both_name(Both* both, const char* instance) { both->link.set_instance(instance); }
void both_take_slot(Both* both, int slot) { both->link.set_slot(slot); }
int both_status(const Both* both) { return static_cast<int>(both->link.status()); }

// The host goes on by a block, from a beat on at 120 BPM.
void both_run(Both* both, double beat, float* left, float* right, int frames) {
    both->time.playing = true;
    both->time.beat = beat;
    both->player.take_commands(frames);
    both->player.process(both->time, nullptr, 0, left, right, frames, 1.0f, 0, false);
}

}  // extern "C"
