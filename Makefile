# Needletail. Two commands: `make demo` shows it at work, `make test` checks everything.
#
# `make help` lists the rest. Each step prints one line; V=1 shows all.
# Tests and the demo want root on Debian 12 with Swift 6.3.

KERNELS    := 6.1 6.12
COMPILERS  := clang-14 clang-toolchain
# What a guest runs: the verifier on every object, maps and links, and one road of each kind. All of
# ProgramTests takes half an hour there, since each test has the emulated verifier walk six programs:
# `make kernels GUEST_TESTS='^ProgramTests\.' VM_TIMEOUT=3000`.
GUEST_TESTS := ^(BPFTests|LoadTests)\.|^DatapathTests\.DatapathTests/|^ProgramTests\.(ShortcutTests/podToPod|TranslationTests/nodePortMasqueraded|SCTPTests)

.PHONY: demo test bench build tests-built objects headers unit kernels lint format setup clean help
demo: build
	@tools/demo
test:
	@tools/test
bench: setup
	@$(STEP) BUILD "the bench, optimised" $(SWIFT_BUILD) -c release
	@.build/release/needletail-bench

# --- rules ---------------------------------------------------------------------------------------

MAKEFLAGS  += --no-print-directory --no-builtin-rules
.DELETE_ON_ERROR:

# BUILT=1: whoever calls has built everything just now (tools/test).
STEP        := V=$(V) tools/step
# An import that Package.swift does not declare is an error: the architecture's own test.
SWIFT_BUILD := swift build --explicit-target-dependency-import-check error
BPFC        := .build/debug/bpfc
OBJECTS     := $(foreach c,$(COMPILERS),$(patsubst bpf/programs/%.bpf.c,.build/objects/$(c)/%.o,\
		$(wildcard bpf/programs/*.bpf.c)))
clang-14        := /usr/bin/clang-14
clang-toolchain := $(dir $(realpath $(shell command -v swift)))clang

setup:
	@$(STEP) SETUP "Debian packages" tools/setup $(SETUP_FLAGS)
build: setup
	@$(STEP) BUILD "every target" $(SWIFT_BUILD)
tests-built: setup
	@$(STEP) BUILD "every target and its tests" $(SWIFT_BUILD) --build-tests

# Both compilers must accept every program without a warning: the kernel's verifier sees very
# different code from each.
objects: $(OBJECTS)
define object_rule
.build/objects/$(1)/%.o: bpf/programs/%.bpf.c $(wildcard bpf/shared/*.h bpf/lib/*.h) $(BPFC)
	@mkdir -p $$(@D)
	@$(STEP) BPF "$$*, $(1)" $(BPFC) --clang $($(1)) --object --bpf bpf --out $$@ $$<
endef
$(foreach c,$(COMPILERS),$(eval $(call object_rule,$(c))))
$(BPFC): | $(if $(BUILT),,build)

headers: $(if $(BUILT),,setup)
	@$(STEP) HEADERS "of bpf/, each alone" tools/headers
unit: $(if $(BUILT),,tests-built objects)
	@tools/run-tests
kernels: $(if $(BUILT),,tests-built objects)
	@$(foreach k,$(KERNELS),$(STEP) KERNEL $(k) tools/run-tests-under $(k) '$(GUEST_TESTS)' &&) true

lint:
	@$(STEP) LINT "Swift" swift format lint -r Sources Tests tools Package.swift
format:
	@$(STEP) FORMAT "Swift" swift format format -i -r Sources Tests tools Package.swift

clean:
	@$(STEP) CLEAN ".build" rm -rf .build
help:
	@echo 'demo     two nodes, the agent on both, each kind of traffic, on one screen'
	@echo 'test     everything that must be green'
	@echo 'bench    ours beside kube-proxy-shaped rules and plain pod addresses'
	@echo 'build    every target'
	@echo 'objects  every program, by both compilers, into .build/objects'
	@echo 'headers  every header of bpf/, each alone'
	@echo 'unit     the tests, in this kernel'
	@echo 'kernels  those that ask the kernel, under: $(KERNELS)'
	@echo 'lint     is the format right?       format   make it right'
	@echo 'setup    Debian packages            clean    remove .build'
