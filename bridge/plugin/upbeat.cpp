// The plug-in as a host sees it: parameters, state, and the block that joins player and link. Begin to read here.
//
//   upbeat.cpp        the host's calls: run() on the audio thread; activate, state and parameters on others of the host
//     parameters.hpp    what a host shows and automates
//     host_time.hpp     DPF's bars and beats as quarter notes; clap_wrap.cpp has what DPF leaves out of CLAP
//     player.hpp        audio thread: pads and placements (placement.hpp), and what begins when
//       host_line.hpp     beats as running frames; sees starts, jumps and bent tempos
//       voice_pool.hpp    all that sounds, summed; clip_use.hpp: who uses which clip
//       voices.hpp        one clip sounding: its fades, its end
//       telling.hpp       what the network thread is told
//     link.hpp, .cpp    network thread: talks with the bridge through socket.hpp
//       keeper.hpp, .cpp  owns score and clips, and tells the player; keeper_hears.cpp: what the bridge says of them
//       score.hpp         what is to be played, as a project saves it
//       osc.hpp, routes.hpp   the wire's bytes, and its table (made from osc_schemas)
//   messages.hpp      all that passes between those two threads, through the rings of rings.hpp: commands to the player,
//                     its reports, and what it gives back. A clip's memory (clip.hpp) is the network thread's

#include <chrono>
#include <memory>
#include <thread>

#include "host_time.hpp"
#include "link.hpp"
#include "parameters.hpp"
#include "quiet_floats.hpp"

START_NAMESPACE_DISTRHO

using namespace upbeat;

class UpbeatPlugin : public Plugin {
public:
    UpbeatPlugin() : Plugin(parameter_count, 0, 2), link_(player_, UPBEAT_EFFECT ? "effect" : "instrument") {
        for (uint32_t index = 0; index < parameter_count; ++index) {
            Parameter parameter;
            describe(index, parameter);
            values_[index].store(parameter.ranges.def, std::memory_order_relaxed);
            ranges_[index] = parameter.ranges;
        }
    }

protected:
    const char* getLabel() const override { return UPBEAT_EFFECT ? "UpbeatTrack" : "Upbeat"; }
    const char* getDescription() const override { return "Plays the takes of an Upbeat set on the host's own beats."; }
    const char* getMaker() const override { return "Upbeat"; }
    const char* getLicense() const override { return "GPL-3.0-or-later"; }
    uint32_t getVersion() const override { return d_version(0, 1, 0); }
    int64_t getUniqueId() const override { return UPBEAT_EFFECT ? d_cconst('U', 'p', 'b', 'T') : d_cconst('U', 'p', 'b', 'I'); }

    void initParameter(uint32_t index, Parameter& parameter) override { describe(index, parameter); }

    void initAudioPort(bool input, uint32_t index, AudioPort& port) override {
        port.groupId = kPortGroupStereo;
        Plugin::initAudioPort(input, index, port);
    }

    float getParameterValue(uint32_t index) const override {
        if (index == status_parameter) return static_cast<float>(link_.status());
        return values_[index].load(std::memory_order_relaxed);
    }

    // Any thread, the audio thread among them.
    void setParameterValue(uint32_t index, float value) override {
        if (index >= status_parameter || std::isnan(value)) return;
        ranges_[index].fixValue(value);
        if (index == panic_parameter && value > 0.5f && whole(panic_parameter) == 0)
            panic_.store(true, std::memory_order_relaxed);
        values_[index].store(value, std::memory_order_relaxed);
        if (index >= first_knob_parameter) link_.set_knob(static_cast<int>(index) - first_knob_parameter, value);
        if (index == slot_parameter) link_.set_slot(whole(slot_parameter));
        if (index == mode_parameter) link_.set_frozen(whole(mode_parameter) == static_cast<int>(Mode::as_saved));
    }

    void initState(uint32_t index, State& state) override {
        state.hints = kStateIsOnlyForDSP;
        state.key = index == 0 ? "instance" : "score";
        state.label = index == 0 ? "Instance" : "Takes and where they lie";
    }

    String getState(const char* key) const override {
        return String((std::strcmp(key, "instance") == 0 ? link_.instance() : link_.saved()).c_str());
    }

    void setState(const char* key, const char* value) override {
        if (std::strcmp(key, "instance") == 0) link_.set_instance(value);
        else if (std::strcmp(key, "score") == 0 && *value) link_.recall(value);
    }

    void activate() override {
        player_.reset(getSampleRate());
        first_block_ = true;
        panic_.store(false, std::memory_order_relaxed);  // as the project left it
        wait_left_ms_ = 10000;
        if (!isDummyInstance()) link_.start(static_cast<int>(getSampleRate() + 0.5));
    }

    void deactivate() override {
        player_.reset(getSampleRate());
        link_.stop();
    }

#if DISTRHO_PLUGIN_WANT_MIDI_INPUT
    void run(const float**, float** outputs, uint32_t frames, const MidiEvent* events, uint32_t event_count) override {
        NoteOn notes[notes_max];
        int note_count = 0;
        for (uint32_t k = 0; k < event_count; ++k) {
            const MidiEvent& event = events[k];
            if (event.size != 3) continue;
            const int kind = event.data[0] & 0xf0, number = event.data[1] & 127, value = event.data[2] & 127;
            if (kind == 0xb0 && number == 120) panic_.store(true, std::memory_order_relaxed);  // all sound off
            if (kind != 0x90 || value == 0 || note_count == notes_max) continue;
            notes[note_count++] = {static_cast<int>(event.frame), number, value, (event.data[0] & 15) + 1};
        }
        std::memset(outputs[0], 0, sizeof(float) * frames);
        std::memset(outputs[1], 0, sizeof(float) * frames);
        play(outputs[0], outputs[1], frames, notes, note_count);
    }
#else
    void run(const float** inputs, float** outputs, uint32_t frames) override {
        for (int side = 0; side < 2; ++side)
            if (outputs[side] != inputs[side]) std::memmove(outputs[side], inputs[side], sizeof(float) * frames);
        play(outputs[0], outputs[1], frames, nullptr, 0);
    }
#endif

private:
    static constexpr int notes_max = 512;

    int whole(int index) const { return static_cast<int>(std::lround(values_[index].load(std::memory_order_relaxed))); }

    void play(float* left, float* right, uint32_t frames, const NoteOn* notes, int note_count) {
        using namespace std::chrono;
        const QuietFloats quiet;
        const int64_t clock_ns = duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count();
        const bool offline = whole(bounce_parameter) == 1;
        player_.take_commands(static_cast<int>(frames));
        const BlockTime time = block_time(getTimePosition(), upbeat_format, getSampleRate());
        if (offline) wait_for_takes(time, clock_ns);
        if (panic_.exchange(false, std::memory_order_relaxed)) {
            player_.panic();
            player_.tell_turn(panic_turn, 1.0);
        }
        player_.set_mode(static_cast<Mode>(std::clamp(whole(mode_parameter), 0, 3)));
        player_.set_quantum(quantum_choices[std::clamp(whole(quantum_parameter), 0, quantum_count - 1)].beats);
        hear_fire();
        const float db = values_[gain_parameter].load(std::memory_order_relaxed);
        if (db != gain_db_) gain_ = gain_of(gain_db_ = db);
        player_.process(time, notes, note_count, left, right, static_cast<int>(frames), gain_, clock_ns, offline);
    }

    // What stands at the first block is where the project left it; what differs later was turned.
    void hear_fire() {
        const float cue = values_[fire_parameter].load(std::memory_order_relaxed);
        if (cue != fired_ && !first_block_ && cue >= 0.5f) player_.tell_turn(fire_turn, cue);
        fired_ = cue;
        first_block_ = false;
    }

    // Only for a bounce, which has no deadline. The takes follow from the host's tempo, so that is said meanwhile.
    void wait_for_takes(const BlockTime& time, int64_t clock_ns) {
        for (int ms = 0; !link_.complete() && wait_left_ms_ > (link_.connected() ? 0 : 8000); ++ms, --wait_left_ms_) {
            if (ms % 100 == 0) player_.announce(time, clock_ns + ms * int64_t{1000000});
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
            player_.take_commands(4096);
        }
        player_.take_commands(4096);  // as much as the ring holds
    }

    Player player_;
    Link link_;
    std::atomic<float> values_[parameter_count]{};
    ParameterRanges ranges_[parameter_count];
    std::atomic<bool> panic_{false};
    // The audio thread's own.
    float fired_ = 0.0f;
    bool first_block_ = true;
    float gain_db_ = 0.0f, gain_ = 1.0f;
    int wait_left_ms_ = 0;
};

Plugin* createPlugin() { return new UpbeatPlugin(); }

END_NAMESPACE_DISTRHO
