// What DPF asks of the pace at compile time.
#pragma once

#define DISTRHO_PLUGIN_BRAND "Upbeat"
#define DISTRHO_PLUGIN_NAME "Pace"
#define DISTRHO_PLUGIN_URI "urn:upbeat:tests:pace"
#define DISTRHO_PLUGIN_NUM_INPUTS 0
#define DISTRHO_PLUGIN_NUM_OUTPUTS 2
#define DISTRHO_PLUGIN_HAS_UI 0
#define DISTRHO_PLUGIN_IS_SYNTH 0
