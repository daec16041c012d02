// Puts clap_wrap.cpp around the entry that DPF makes for CLAP: what a host opens is ours, and DPF's own has another name.
#pragma once

#include "src/clap/entry.h"

namespace upbeat {
bool clap_init(const clap_plugin_entry_t* dpf, const char* path);
void clap_deinit();
const void* clap_factory(const char* id);
}  // namespace upbeat

extern "C" const clap_plugin_entry_t dpf_clap_entry;
static bool upbeat_clap_init(const char* path) { return upbeat::clap_init(&dpf_clap_entry, path); }
extern "C" CLAP_EXPORT const clap_plugin_entry_t clap_entry = {
    CLAP_VERSION, upbeat_clap_init, upbeat::clap_deinit, upbeat::clap_factory};
#define clap_entry dpf_clap_entry
