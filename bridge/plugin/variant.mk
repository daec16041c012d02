# One variant (NAME) in the formats of FORMATS; called by Makefile.

DPF_PATH = $(DPF_DIR)
DPF_TARGET_DIR = $(OUT)
DPF_BUILD_DIR = $(OUT)/objects/$(NAME)
FILES_DSP = upbeat.cpp link.cpp clap_wrap.cpp
UI_TYPE = none

include $(DPF_PATH)/Makefile.plugins.mk

# DPF asks for -ffast-math, with which two machines do not give the same bits, and which sets the whole host's rounding.
BUILD_CXX_FLAGS += -std=gnu++17 -fno-fast-math -ffp-contract=off -DUPBEAT_EFFECT=$(if $(filter upbeat-track,$(NAME)),1,0)
BUILD_CXX_FLAGS += $(shell $(PKG_CONFIG) --cflags libzmq)
LINK_FLAGS += $(shell $(PKG_CONFIG) --libs libzmq) $(if $(filter true,$(LINUX)),-pthread)

all: $(FORMATS)
