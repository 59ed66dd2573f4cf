# The commands of this project. `make` builds build/tidemill; the rest is in CONTRIBUTING.md.
.PHONY: all run test test-slow bench check setup install uninstall clean

JOBS := $(shell nproc)
PREFIX ?= /usr/local
DESTDIR ?=

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

# Builds only when nothing is built: root installs what somebody else has made.
install:
	@[ -x build/tidemill ] || $(MAKE) all
	@DESTDIR="$(DESTDIR)" cmake --install build --prefix "$(PREFIX)" --strip >/dev/null
	@rm -f build/install_manifest.txt # root's, and the next one could not write it
	@echo "installed $(DESTDIR)$(PREFIX)/bin/tidemill"

uninstall:
	rm -f "$(DESTDIR)$(PREFIX)/bin/tidemill" "$(DESTDIR)$(PREFIX)/share/man/man1/tidemill.1"
	rm -rf "$(DESTDIR)$(PREFIX)/share/doc/tidemill"

clean:
	rm -rf build
