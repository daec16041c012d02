// What DPF 1.6 leaves out of CLAP, put around its plug-in: places before the song's start, a transport without a metre
// or one that changes within a block, units beside values, and states that come and go in pieces or under a comma for a point.

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>

#include "extra/ScopedSafeLocale.hpp"
#include "host_time.hpp"
#include "parameters.hpp"
#include "src/clap/entry.h"
#include "src/clap/ext/params.h"
#include "src/clap/ext/state.h"
#include "src/clap/plugin-factory.h"

namespace upbeat {

namespace {

// DPF's own. Its functions are the same for every instance.
const clap_plugin_entry_t* dpf_entry;
const clap_plugin_factory_t* dpf_factory;
const clap_plugin_params_t* dpf_params;
const clap_plugin_state_t* dpf_state;
clap_plugin_t dpf_plugin;

// ---- time

// DPF has every place before the start be the start, and knows no place at all without a metre.
clap_event_transport_t as_dpf_reads(clap_event_transport_t time) {
    constexpr int beats_max = 1024;
    const bool metre = (time.flags & CLAP_TRANSPORT_HAS_TIME_SIGNATURE) != 0 && time.tsig_denom != 0;
    if (!metre || time.tsig_num == 0 || time.tsig_num > beats_max) time.tsig_num = time.tsig_denom = 4;
    time.flags |= CLAP_TRANSPORT_HAS_TIME_SIGNATURE;
    time.song_pos_beats += int64_t{clap_bars_ahead} * time.tsig_num * CLAP_BEATTIME_FACTOR;
    return time;
}

// A part of a block as DPF takes it: events counted from its first frame, and only those that DPF knows (it would write to
// the terminal of others).
struct Part {
    const clap_input_events_t* all;
    uint32_t begin, end;  // frames of the whole block
    bool last;
    union Copy {
        clap_event_header_t header;
        clap_event_note_t note;
        clap_event_midi_t midi;
        clap_event_param_value_t value;
    } copy;

    bool knows(const clap_event_header_t& event) const {
        if (event.space_id != CLAP_CORE_EVENT_SPACE_ID || event.time < begin || (event.time >= end && !last)) return false;
        switch (event.type) {
            case CLAP_EVENT_NOTE_ON:
            case CLAP_EVENT_NOTE_OFF: return event.size == sizeof(clap_event_note_t);
            case CLAP_EVENT_MIDI: return event.size == sizeof(clap_event_midi_t);
            case CLAP_EVENT_PARAM_VALUE: return event.size == sizeof(clap_event_param_value_t);
            default: return false;
        }
    }

    static uint32_t size(const clap_input_events_t* list) {
        const auto* const all = static_cast<Part*>(list->ctx)->all;
        return all->size(all);
    }

    static const clap_event_header_t* get(const clap_input_events_t* list, uint32_t index) {
        static const clap_event_header_t none{sizeof(clap_event_header_t), 0, 0, CLAP_EVENT_NOTE_END, 0};
        auto& part = *static_cast<Part*>(list->ctx);
        const clap_event_header_t* const event = part.all->get(part.all, index);
        if (!part.knows(*event)) return &none;
        std::memcpy(&part.copy, event, event->size);
        part.copy.header.time -= part.begin;
        return &part.copy.header;
    }
};

clap_process_status process_part(const clap_plugin_t* plugin, const clap_process_t& block, const clap_event_transport_t* time,
                                 uint32_t begin, uint32_t end) {
    clap_process_t here = block;
    here.frames_count = end - begin;
    const bool seconds = time && (time->flags & CLAP_TRANSPORT_HAS_SECONDS_TIMELINE) != 0;
    here.steady_time = seconds ? time->song_pos_seconds + clap_seconds_ahead : 0;
    Part part{block.in_events, begin, end, end == block.frames_count, {}};
    const clap_input_events_t events{&part, Part::size, Part::get};
    if (here.in_events) here.in_events = &events;
    clap_event_transport_t said;
    if (time) here.transport = &(said = as_dpf_reads(*time));
    float* sides[2][2];
    clap_audio_buffer_t buffers[2];
    const auto moved = [&](int way, const clap_audio_buffer_t* whole, uint32_t count) {
        if (count != 1 || !whole->data32) return whole;
        buffers[way] = *whole;
        buffers[way].data32 = sides[way];
        buffers[way].channel_count = std::min(whole->channel_count, 2u);
        for (uint32_t side = 0; side < buffers[way].channel_count; ++side) sides[way][side] = whole->data32[side] + begin;
        return static_cast<const clap_audio_buffer_t*>(&buffers[way]);
    };
    here.audio_inputs = moved(0, block.audio_inputs, block.audio_inputs_count);
    here.audio_outputs = const_cast<clap_audio_buffer_t*>(moved(1, block.audio_outputs, block.audio_outputs_count));
    return dpf_plugin.process(plugin, &here);
}

// One part from each word on the transport to the next.
clap_process_status process(const clap_plugin_t* plugin, const clap_process_t* block) {
    const clap_input_events_t* const events = block->in_events;
    const uint32_t count = events ? events->size(events) : 0;
    const clap_event_transport_t* time = block->transport;
    uint32_t begin = 0, index = 0;
    clap_process_status status;
    do {
        uint32_t end = block->frames_count;
        for (; index < count; ++index) {
            const clap_event_header_t* const event = events->get(events, index);
            if (event->space_id != CLAP_CORE_EVENT_SPACE_ID || event->type != CLAP_EVENT_TRANSPORT) continue;
            if (event->time > begin) {
                end = std::min(end, event->time);
                break;
            }
            time = reinterpret_cast<const clap_event_transport_t*>(event);
        }
        status = process_part(plugin, *block, time, begin, end);
        begin = end;
    } while (begin < block->frames_count && status != CLAP_PROCESS_ERROR);
    return status;
}

// ---- values

bool value_to_text(const clap_plugin_t* plugin, clap_id id, double value, char* text, uint32_t size) {
    if (id >= parameter_count) return false;
    DISTRHO_NAMESPACE::Parameter parameter;
    describe(id, parameter);
    if (parameter.hints & DISTRHO_NAMESPACE::kParameterIsInteger) return dpf_params->value_to_text(plugin, id, value, text, size);
    const char* const unit = parameter.unit.buffer();
    std::snprintf(text, size, *unit ? "%.6g %s" : "%.6g", value, unit);
    return true;
}

// ---- state

// DPF writes from the beginning again what a host did not take at once, and loses its place in what comes in pieces.
bool save(const clap_plugin_t* plugin, const clap_ostream_t* stream) {
    std::string state;
    const clap_ostream_t into{&state, [](const clap_ostream_t* to, const void* data, uint64_t size) {
        static_cast<std::string*>(to->ctx)->append(static_cast<const char*>(data), size);
        return static_cast<int64_t>(size);
    }};
    if (!dpf_state->save(plugin, &into)) return false;
    for (size_t done = 0; done < state.size();) {
        const int64_t taken = stream->write(stream, state.data() + done, state.size() - done);
        if (taken <= 0) return false;
        done += static_cast<size_t>(taken);
    }
    return true;
}

bool load(const clap_plugin_t* plugin, const clap_istream_t* stream) {
    struct { std::string state; size_t done = 0; } all;
    char piece[4096];
    int64_t came;
    while ((came = stream->read(stream, piece, sizeof piece)) > 0) all.state.append(piece, static_cast<size_t>(came));
    if (came < 0) return false;
    const clap_istream_t from{&all, [](const clap_istream_t* of, void* data, uint64_t size) {
        auto& left = *static_cast<decltype(all)*>(of->ctx);
        const size_t given = left.state.copy(static_cast<char*>(data), size, left.done);
        left.done += given;
        return static_cast<int64_t>(given);
    }};
    const DISTRHO_NAMESPACE::ScopedSafeLocale points;  // 0.5 is 0 to DPF where a comma is the point
    return dpf_state->load(plugin, &from);
}

// ---- the tables that a host asks for

const void* extension(const clap_plugin_t* plugin, const char* id) {
    static clap_plugin_params_t params;
    static const clap_plugin_state_t state{save, load};
    const void* const theirs = dpf_plugin.get_extension(plugin, id);
    if (theirs && std::strcmp(id, CLAP_EXT_PARAMS) == 0) {
        dpf_params = static_cast<const clap_plugin_params_t*>(theirs);
        params = *dpf_params;
        params.value_to_text = value_to_text;
        return &params;
    }
    if (theirs && std::strcmp(id, CLAP_EXT_STATE) == 0) {
        dpf_state = static_cast<const clap_plugin_state_t*>(theirs);
        return &state;
    }
    return theirs;
}

uint32_t plugin_count(const clap_plugin_factory_t*) { return 1; }

const clap_plugin_descriptor_t* descriptor(const clap_plugin_factory_t*, uint32_t index) {
    static clap_plugin_descriptor_t ours;
    if (index != 0) return nullptr;
    ours = *dpf_factory->get_plugin_descriptor(dpf_factory, 0);
    ours.version = "0.1.0";
    return &ours;
}

const clap_plugin_t* create(const clap_plugin_factory_t* factory, const clap_host_t* host, const char* id) {
    const clap_plugin_descriptor_t* const ours = descriptor(factory, 0);
    if (std::strcmp(id, ours->id) != 0) return nullptr;
    auto* const made = const_cast<clap_plugin_t*>(dpf_factory->create_plugin(dpf_factory, host, id));  // DPF's malloc
    if (!made) return nullptr;
    if (!dpf_plugin.process) dpf_plugin = *made;
    made->desc = ours;
    made->process = process;
    made->get_extension = extension;
    return made;
}

}  // namespace

bool clap_init(const clap_plugin_entry_t* dpf, const char* path) {
    dpf_entry = dpf;
    return dpf->init(path);
}

void clap_deinit() { dpf_entry->deinit(); }

const void* clap_factory(const char* id) {
    static const clap_plugin_factory_t ours{plugin_count, descriptor, create};
    const void* const theirs = dpf_entry->get_factory(id);
    if (!theirs || std::strcmp(id, CLAP_PLUGIN_FACTORY_ID) != 0) return theirs;
    dpf_factory = static_cast<const clap_plugin_factory_t*>(theirs);
    return &ours;
}

}  // namespace upbeat
