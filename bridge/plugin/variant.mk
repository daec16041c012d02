# One variant (NAME) in the formats of FORMATS; called by Makefile.

DPF_PATH = $(DPF_DIR)
DPF_TARGET_DIR = $(OUT)
DPF_BUILD_DIR = $(OUT)/objects/$(NAME)
FILES_DSP = upbeat.cpp link.cpp keeper.cpp keeper_hears.cpp clap_wrap.cpp
UI_TYPE = none

include $(DPF_PATH)/Makefile.plugins.mk

# DPF asks for -ffast-math, with which two machines do not give the same bits, and which sets the whole host's rounding.
BUILD_CXX_FLAGS += -std=gnu++17 -fno-fast-math -ffp-contract=off -DUPBEAT_EFFECT=$(if $(filter upbeat-track,$(NAME)),1,0)
BUILD_CXX_FLAGS += $(shell $(PKG_CONFIG) --cflags libzmq)
LINK_FLAGS += $(shell $(PKG_CONFIG) --libs libzmq) $(if $(filter true,$(LINUX)),-pthread)

# Of what DPF has for VST3, a copy without its division by zero.
VST3_SOURCES = $(DPF_BUILD_DIR)/vst3
$(VST3_SOURCES)/DistrhoPluginMain.cpp: $(DPF_PATH)/distrho/DistrhoPluginMain.cpp vst3.sed
	mkdir -p $(VST3_SOURCES)/src
	sed -f vst3.sed $(DPF_PATH)/distrho/src/DistrhoPluginVST3.cpp > $(VST3_SOURCES)/src/DistrhoPluginVST3.cpp
	cp $< $@

$(DPF_BUILD_DIR)/DistrhoPluginMain_VST3.cpp.o: $(VST3_SOURCES)/DistrhoPluginMain.cpp
	$(CXX) $< $(BUILD_CXX_FLAGS) -I$(DPF_PATH)/distrho/src -DDISTRHO_PLUGIN_TARGET_VST3 -c -o $@

all: $(FORMATS)
