// The plug-in's player for a test in another language: the same header as in the plug-in, behind plain functions.
#include <time.h>

#include <cstring>

#include "player.hpp"

using namespace upbeat;

static double thread_s() {
    timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

extern "C" {

Player* player_new(double rate_hz) {
    auto* player = new Player;
    player->reset(rate_hz);
    return player;
}

void player_free(Player* player) { delete player; }
void player_reset(Player* player, double rate_hz) { player->reset(rate_hz); }
void player_set(Player* player, int mode, double quantum_beats) {
    player->set_mode(static_cast<Mode>(mode));
    player->set_quantum(quantum_beats);
}
int player_voices(const Player* player) { return player->voices_in_use(); }

Clip* clip_new(const float* samples, int64_t frames, int64_t tail_frames, int channels, double gain,
               double length_beats, int sustained, uint32_t rank) {
    auto* clip = new Clip;
    clip->samples.assign(samples, samples + (frames + tail_frames) * channels);
    clip->frames = frames;
    clip->tail_frames = tail_frames;
    clip->channels = channels;
    clip->gain = gain;
    clip->length_beats = length_beats;
    clip->sustained = sustained != 0;
    clip->rank = rank;
    return clip;
}

void clip_free(Clip* clip) { delete clip; }
int clip_users(const Clip* clip) { return clip->users; }

int player_command(Player* player, int kind, int slot, Clip* clip, Clip* other, double beat, double until_beat,
                   double value, int loop, int kept, int serial) {
    Command command;
    command.kind = static_cast<Command::Kind>(kind);
    command.slot = slot;
    command.serial = serial;
    command.clip = clip;
    command.other = other;
    command.beat = beat;
    command.until_beat = until_beat;
    command.value = value;
    command.loop = loop != 0;
    command.kept = kept != 0;
    command.continues = kept == 2;
    return player->commands.push(command);
}

// How long it took, in seconds of this thread's processor.
double player_process(Player* player, int known, int playing, double beat, double tempo_bpm, int64_t host_frame,
                      int frame_leads, const int* notes, int note_count, float* left, float* right, int frames,
                      float gain) {
    const double began_s = thread_s();
    NoteOn heard[64];
    for (int k = 0; k < note_count; ++k) heard[k] = {notes[2 * k], notes[2 * k + 1], 100, 1};
    player->take_commands(frames);
    BlockTime time;
    time.known = known != 0;
    time.playing = playing != 0;
    time.beat = beat;
    time.tempo_bpm = tempo_bpm;
    time.frame = static_cast<double>(host_frame);
    time.frame_leads = time.bar_leads = frame_leads != 0;
    player->process(time, heard, note_count, left, right, frames, gain, 0, false);
    return thread_s() - began_s;
}

// kind, slot, serial, error_frames, epoch, playing, played; then beat; then the clip. False if there is no report.
int player_report(Player* player, int* numbers, double* beat, Clip** clip) {
    Report report;
    if (!player->reports.pop(report) && !player->returns.pop(report)) return 0;
    const int told[] = {report.kind,  report.slot,    static_cast<int>(report.serial), report.error_frames,
                        report.epoch, report.playing, report.played};
    std::memcpy(numbers, told, sizeof told);
    *beat = report.beat;
    *clip = report.clip;
    return 1;
}

}  // extern "C"
