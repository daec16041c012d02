// What the plug-in framework (DPF) asks of us at compile time. The effect is built with -DUPBEAT_EFFECT=1.
#pragma once

#ifndef UPBEAT_EFFECT
#define UPBEAT_EFFECT 0
#endif

#define DISTRHO_PLUGIN_BRAND "Upbeat"
#define DISTRHO_PLUGIN_NUM_OUTPUTS 2
#define DISTRHO_PLUGIN_HAS_UI 0
#define DISTRHO_PLUGIN_IS_RT_SAFE 1
#define DISTRHO_PLUGIN_WANT_TIMEPOS 1
#define DISTRHO_PLUGIN_WANT_STATE 1
#define DISTRHO_PLUGIN_WANT_FULL_STATE 1

#if UPBEAT_EFFECT
#define DISTRHO_PLUGIN_NAME "Upbeat Track"
#define DISTRHO_PLUGIN_URI "urn:upbeat:track"
#define DISTRHO_PLUGIN_CLAP_ID "upbeat.track"
#define DISTRHO_PLUGIN_NUM_INPUTS 2
#define DISTRHO_PLUGIN_WANT_MIDI_INPUT 0
#define DISTRHO_PLUGIN_LV2_CATEGORY "lv2:GeneratorPlugin"
#define DISTRHO_PLUGIN_VST3_CATEGORIES "Fx|Generator|Stereo"
#define DISTRHO_PLUGIN_CLAP_FEATURES "audio-effect", "utility", "stereo"
#else
#define DISTRHO_PLUGIN_NAME "Upbeat"
#define DISTRHO_PLUGIN_URI "urn:upbeat:instrument"
#define DISTRHO_PLUGIN_CLAP_ID "upbeat.instrument"
#define DISTRHO_PLUGIN_NUM_INPUTS 0
#define DISTRHO_PLUGIN_IS_SYNTH 1
#define DISTRHO_PLUGIN_LV2_CATEGORY "lv2:InstrumentPlugin"
#define DISTRHO_PLUGIN_VST3_CATEGORIES "Instrument|Sampler|Stereo"
#define DISTRHO_PLUGIN_CLAP_FEATURES "instrument", "sampler", "stereo"
#endif

// DPF cuts the host's place into bars and beats, in each format in its own way; ours is compiled once for all formats, so
// the part that DPF compiles for each says which it is.
enum UpbeatFormat { upbeat_lv2, upbeat_vst3, upbeat_clap };
extern "C" const enum UpbeatFormat upbeat_format;
#if defined(DISTRHO_PLUGIN_TARGET_VST3)
extern "C" const enum UpbeatFormat upbeat_format = upbeat_vst3;
#elif defined(DISTRHO_PLUGIN_TARGET_CLAP)
extern "C" const enum UpbeatFormat upbeat_format = upbeat_clap;
#include "clap_entry.h"
#elif defined(DISTRHO_PLUGIN_TARGET_LV2)
extern "C" const enum UpbeatFormat upbeat_format = upbeat_lv2;
#endif
