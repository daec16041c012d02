// What a host shows and automates, in its order. Outputs come last.
#pragma once

#include <cmath>

#include "DistrhoPlugin.hpp"
#include "routes.hpp"

namespace upbeat {

enum ParameterIndex {
    slot_parameter,
    gain_parameter,
    quantum_parameter,
    mode_parameter,
    fire_parameter,
    panic_parameter,
    bounce_parameter,
    first_knob_parameter,
    knob_count = sizeof routes::knobs / sizeof routes::knobs[0],
    status_parameter = first_knob_parameter + knob_count,
    parameter_count
};

struct Choice { const char* label; double beats; };
inline constexpr Choice quantum_choices[] = {
    {"As the cue says", -1.0}, {"Off", 0.0},      {"1/4 beat", 0.25}, {"1/2 beat", 0.5}, {"1 beat", 1.0},
    {"2 beats", 2.0},          {"1 bar (4)", 4.0}, {"2 bars (8)", 8.0}, {"4 bars (16)", 16.0},
};
inline constexpr int quantum_count = sizeof quantum_choices / sizeof quantum_choices[0];

inline void set_choices(DISTRHO_NAMESPACE::Parameter& parameter, std::initializer_list<const char*> labels) {
    using DISTRHO_NAMESPACE::ParameterEnumerationValue;
    auto* const values = new ParameterEnumerationValue[labels.size()];
    uint8_t count = 0;
    for (const char* label : labels) {
        values[count].value = count;
        values[count++].label = label;
    }
    parameter.enumValues.count = count;
    parameter.enumValues.restrictedMode = true;
    parameter.enumValues.values = values;
    parameter.ranges.min = 0;
    parameter.ranges.max = static_cast<float>(count - 1);
}

inline void describe(uint32_t index, DISTRHO_NAMESPACE::Parameter& p) {
    using namespace DISTRHO_NAMESPACE;
    p.hints = kParameterIsAutomatable;
    switch (index) {
        case slot_parameter:
            p.hints |= kParameterIsInteger;
            p.name = "Slot";
            p.symbol = "slot";
            p.description = "Which track of the set plays here, in the set's order";
            p.ranges = ParameterRanges(1, 1, routes::slots_max);
            break;
        case gain_parameter:
            p.name = "Gain";
            p.symbol = "gain";
            p.unit = "dB";
            p.ranges = ParameterRanges(0, -60, 12);
            break;
        case quantum_parameter:
            p.hints |= kParameterIsInteger;
            p.name = "Quantum";
            p.symbol = "quantum";
            p.description = "The grid of the host on which notes launch";
            set_choices(p, {quantum_choices[0].label, quantum_choices[1].label, quantum_choices[2].label,
                            quantum_choices[3].label, quantum_choices[4].label, quantum_choices[5].label,
                            quantum_choices[6].label, quantum_choices[7].label, quantum_choices[8].label});
            break;
        case mode_parameter:
            p.hints |= kParameterIsInteger;
            p.name = "Mode";
            p.symbol = "mode";
            p.description = "What sounds here: the set's timeline, cues fired and notes; less of that; or as saved";
            set_choices(p, {"Set", "Cues and notes", "Notes only", "As saved"});
            break;
        case fire_parameter:
            p.hints |= kParameterIsInteger;
            p.name = "Fire cue";
            p.symbol = "fire";
            p.description = "Fires the cue of that number on this track when it changes; 0 fires none";
            p.ranges = ParameterRanges(0, 0, 64);
            break;
        case panic_parameter:
            p.hints |= kParameterIsBoolean;  // DPF keeps triggers of a VST3 host to itself
            p.name = "Panic";
            p.symbol = "panic";
            p.description = "Silences all when it goes on";
            p.ranges = ParameterRanges(0, 0, 1);
            break;
        case bounce_parameter:
            p.hints |= kParameterIsInteger;
            p.name = "Bounce";
            p.symbol = "bounce";
            p.description = "While the host bounces faster than real time: wait, at most 10 s, for takes still on their way";
            set_choices(p, {"Live", "Wait for takes"});
            break;
        case status_parameter:
            p.hints = kParameterIsOutput | kParameterIsInteger;
            p.name = "Status";
            p.symbol = "status";
            set_choices(p, {"Away", "Connecting", "Ready", "Takes missing", "Refused", "Empty slot"});
            break;
        default: {
            const routes::Knob& knob = routes::knobs[index - first_knob_parameter];
            String name(knob.name);
            if (name.endsWith("_ms")) name.truncate(name.length() - 3);
            name[0] = static_cast<char>(name[0] - 'a' + 'A');
            p.name = name;
            p.symbol = knob.name;
            p.unit = knob.unit;
            p.ranges = ParameterRanges(knob.neutral, knob.low, knob.high);
        }
    }
}

// A fader's bottom is silence.
inline float gain_of(float db) { return db <= -60.0f ? 0.0f : db == 0.0f ? 1.0f : std::pow(10.0f, db / 20.0f); }

}  // namespace upbeat
