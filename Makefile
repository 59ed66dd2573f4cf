# The commands of this project. `make` builds build/tidemill; the rest is in CONTRIBUTING.md.
.PHONY: all run test test-slow bench check setup clean

JOBS := $(shell nproc)

all: setup
	@cmake --preset release >/dev/null
	@cmake --build build -j $(JOBS)

setup:
	@tools/setup

run: all
	build/tidemill run --once --set input=scripts/text scripts/wordcount.lua

test: setup
	@tools/test

test-slow: setup
	@tools/test slow

bench: all
	@bench/run

check: setup
	@tools/check

clean:
	rm -rf build
