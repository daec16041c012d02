// A VST3 host of a few blocks, whose song has any metre at all: plays a second of it.
//
//   vst3_host PLUGIN NUMERATOR DENOMINATOR QUARTERS      from that place on; prints the greatest sample that it heard
#include <dlfcn.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "travesty/audio_processor.h"
#include "travesty/component.h"
#include "travesty/factory.h"

static void demand(bool good, const char* what) {
    if (good) return;
    std::fprintf(stderr, "%s\n", what);
    std::exit(2);
}

int main(int, char** words) {
    void* const file = dlopen(words[1], RTLD_NOW);
    demand(file != nullptr, "no such plug-in");
    using Entry = bool (*)(void*);
    using GetFactory = v3_plugin_factory** (*)();
    demand(reinterpret_cast<Entry>(dlsym(file, "ModuleEntry"))(file), "no entry");
    v3_plugin_factory** const factory = reinterpret_cast<GetFactory>(dlsym(file, "GetPluginFactory"))();
    v3_class_info info;
    demand(v3_cpp_obj(factory)->get_class_info(factory, 0, &info) == V3_OK, "no class");
    v3_component** component = nullptr;
    demand(v3_cpp_obj(factory)->create_instance(factory, info.class_id, v3_component_iid, reinterpret_cast<void**>(&component)) == V3_OK, "no instance");
    demand(v3_cpp_obj_initialize(component, nullptr) == V3_OK, "not initialized");
    v3_audio_processor** processor = nullptr;
    demand(v3_cpp_obj_query_interface(component, v3_audio_processor_iid, &processor) == V3_OK, "no processor");
    constexpr int frames = 480;
    v3_process_setup setup{V3_REALTIME, V3_SAMPLE_32, frames, 48000};
    demand(v3_cpp_obj(processor)->setup_processing(processor, &setup) == V3_OK, "no set-up");
    v3_cpp_obj(component)->activate_bus(component, V3_AUDIO, V3_OUTPUT, 0, true);
    demand(v3_cpp_obj(component)->set_active(component, true) == V3_OK, "not active");
    v3_cpp_obj(processor)->set_processing(processor, true);

    float left[frames], right[frames], *sides[] = {left, right}, loudest = 0;
    v3_audio_bus_buffers output{};
    output.num_channels = 2;
    output.channel_buffers_32 = sides;
    v3_process_context context{};
    context.state = V3_PROCESS_CTX_PLAYING | V3_PROCESS_CTX_PROJECT_TIME_VALID | V3_PROCESS_CTX_TEMPO_VALID | V3_PROCESS_CTX_TIME_SIG_VALID;
    context.sample_rate = 48000;
    context.bpm = 120;
    context.time_sig_numerator = std::atoi(words[2]);
    context.time_sig_denom = std::atoi(words[3]);
    v3_process_data block{};
    block.process_mode = V3_REALTIME;
    block.symbolic_sample_size = V3_SAMPLE_32;
    block.nframes = frames;
    block.num_output_buses = 1;
    block.outputs = &output;
    block.ctx = &context;
    const double start_quarters = std::atof(words[4]);
    for (int k = 0; k < 100; ++k) {
        context.project_time_quarters = start_quarters + k * frames / 24000.0;
        context.project_time_in_samples = std::llround(context.project_time_quarters * 24000);
        demand(v3_cpp_obj(processor)->process(processor, &block) == V3_OK, "not processed");
        for (int i = 0; i < frames; ++i) loudest = std::max({loudest, std::abs(left[i]), std::abs(right[i])});
        timespec some{0, 10'000'000};
        nanosleep(&some, nullptr);
    }
    std::printf("%g\n", static_cast<double>(loudest));
    v3_cpp_obj(processor)->set_processing(processor, false);
    v3_cpp_obj(component)->set_active(component, false);
    v3_cpp_obj_unref(processor);
    v3_cpp_obj_terminate(component);
    v3_cpp_obj_unref(component);
    return 0;
}
