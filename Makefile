# The way in: `make demo` for a console with a shell behind it, `make test` for everything that is tested.
# The recipes are scripts in scripts/; this file only names them.

.DEFAULT_GOAL := help
.PHONY: help demo demo-down test bench fuzz build web fmt openapi clean

# `make demo KUBECONFIG=FILE CONTEXT=NAME` uses a cluster of yours. A KUBECONFIG that merely stands in the
# environment is not a wish: only what is written on this command line counts.
ifneq ($(origin KUBECONFIG),command line)
unexport KUBECONFIG
override KUBECONFIG :=
endif
ifneq ($(origin CONTEXT),command line)
unexport CONTEXT
override CONTEXT :=
endif

help:
	@scripts/help

# In a process group of its own (`set -m`, and something after it so that the shell stays), because a Ctrl-C that
# reached make would end it with `*** Interrupt` after a demonstration that ended well. Ctrl-Z would leave it stopped
# with nobody to wake it.
demo:
	@KUBECONFIG='$(KUBECONFIG)' CONTEXT='$(CONTEXT)' IMAGE='$(IMAGE)' PORT='$(PORT)' KEEP='$(KEEP)' CLUSTER='$(CLUSTER)' \
	  bash -c 'trap "" TSTP; set -m; scripts/demo; exit'

demo-down:
	@KUBECONFIG='$(KUBECONFIG)' CONTEXT='$(CONTEXT)' CLUSTER='$(CLUSTER)' scripts/demo --down

test:
	@KEEP='$(KEEP)' ONLY='$(ONLY)' scripts/test

bench:
	@SESSIONS='$(SESSIONS)' SOAK='$(SOAK)' scripts/bench

fuzz:
	@TARGET='$(TARGET)' SECONDS_EACH='$(SECONDS)' scripts/fuzz

build: web
	@scripts/build binary

web:
	@scripts/build web

fmt:
	@cargo fmt --all && cd fuzz && cargo fmt
	@cd web && npm run --silent format
	@cd tests && ../web/node_modules/.bin/biome check --write

# Rewrites what is generated from the API: its description and the console's types.
openapi:
	@scripts/openapi write

clean:
	cargo clean
	rm -rf fuzz/target
	rm -rf web/dist web/node_modules tests/node_modules artifacts
