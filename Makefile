# One configuration, one scratch directory: the product and the tests share every compiled module.
# The binary's Swift runtime is linked statically by Package.swift, not by a flag, because the Testing
# library has no static form.

SHELL := /bin/bash -o pipefail
PREFIX ?= /usr/local
# Without debug information, which takes a fifth of the time to compile: functions keep their names for perf.
SWIFT_FLAGS := -c release -debug-info-format none --explicit-target-dependency-import-check error
BINARY := .build/release/varve
SOURCES := Package.swift Sources Tests Benchmarks/Package.swift Benchmarks/Sources \
  Fuzzing/Package.swift Fuzzing/Sources
PEERS_DIR ?= .build/peers
# Debian's Python, which has Debian's packages, whatever comes first in PATH.
RESCUE_PYTHON ?= $(firstword $(wildcard /usr/bin/python3) python3)

.PHONY: build test demo bench soak format lint install install-files deb requirements judges clean

build: requirements
	swift build $(SWIFT_FLAGS) --product varve
	swift build $(SWIFT_FLAGS) --product varve-verify

test: judges
	swift build $(SWIFT_FLAGS) --build-tests
# What failed is said once more at the end, after thousands of lines of what did not.
	swift test $(SWIFT_FLAGS) --skip-build 2>&1 | tee .build/tests.log || { grep '^✘' .build/tests.log; exit 1; }
	python3 -m unittest discover --quiet --start-directory Benchmarks/suite --pattern 'test_*.py'
	VARVE=$(BINARY) $(RESCUE_PYTHON) -m unittest discover --quiet --start-directory rescue --pattern 'test_*.py'

demo: build
	scripts/demo.sh $(BINARY)

# Everything that docs/benchmarks.md shows, beside the other tools that are found in PATH or in PEERS_DIR/bin: hours.
# RUNS, the runs of which medians are taken; ONLY, the sections to measure (ONLY=tree,hourly; ONLY=none only writes).
bench: build
	swift build -c release --package-path Benchmarks --scratch-path .build/benchmarks --product micro
	PEERS_DIR=$(PEERS_DIR) python3 Benchmarks/suite $(BINARY) --micro .build/benchmarks/release/micro \
	  --runs $(or $(RUNS),3) $(if $(ONLY),--only $(ONLY)) --compare

# The same tests with their full counts, and every parser fuzzed for FUZZ_SECONDS (600): hours rather than minutes.
soak: judges
	swift build $(SWIFT_FLAGS) --build-tests
	VARVE_SOAK=1 swift test $(SWIFT_FLAGS) --skip-build --filter EndToEndTests
	VARVE_SOAK=1 swift test $(SWIFT_FLAGS) --skip-build --filter EveryBitTests
	VARVE_SOAK=1 swift test $(SWIFT_FLAGS) --skip-build --filter SimulationTests
# Against a real S3 service where VARVE_TEST_S3_ENDPOINT and its keys are set (S3ServiceTests.swift).
	VARVE_SOAK=1 VARVE_TEST_CEPH=$(if $(VARVE_TEST_S3_ENDPOINT),1) swift test $(SWIFT_FLAGS) --skip-build --filter VarveRemoteStorageTests
	scripts/test-mutations
	Fuzzing/run

format:
	swift format --in-place --parallel --recursive $(SOURCES)

lint:
	swift format lint --strict --parallel --recursive $(SOURCES)

install: build install-files

# What was built, with what is made of it.
install-files:
	install -D --strip -m 0755 $(BINARY) $(DESTDIR)$(PREFIX)/bin/varve
	install -D --strip -m 0755 $(BINARY)-verify $(DESTDIR)$(PREFIX)/bin/varve-verify
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/zsh/site-functions $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	$(BINARY) completion bash | sed '1{/^#!/d}' >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/varve
	$(BINARY) completion zsh >$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_varve
	$(BINARY) completion fish >$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/varve.fish
	scripts/man-pages $(BINARY) $(DESTDIR)$(PREFIX)/share/man/man1
	scripts/man-pages $(BINARY)-verify $(DESTDIR)$(PREFIX)/share/man/man1

# A Debian package in .build/debian. Installed in a root of its own by scripts/test-debian-package, which needs root.
# Looked at by lintian where that is installed; no host stands behind the address that is used where DEBEMAIL is not set.
deb: build
	scripts/debian-package $(dir $(BINARY)) .build/debian
	if command -v lintian >/dev/null; then lintian --allow-root --fail-on error,warning $(if $(DEBEMAIL),,--suppress-tags bogus-mail-host,bogus-mail-host-in-debian-changelog) .build/debian/*.deb; fi

requirements:
	@scripts/install-requirements

# And what judges Varve's proofs in its tests.
judges:
	@scripts/install-requirements --judges

clean:
	rm -rf .build
