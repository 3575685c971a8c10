# Each target is a line anyone can paste; the logic is Rust under test.
.PHONY: run test check release bench bench-full instructions fuzz soak

# Builds everything and shows a canary release on this machine, live; Ctrl-C ends it.
run:
	cargo run --release -- demo

# Installs what the tests use, then checks format, lints and behaviour.
test:
	tests/setup.sh
	cargo fmt --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo test --workspace

# Tells in seconds whether everything compiles.
check:
	cargo check --workspace --all-targets

# Builds target/guided/halftone, the binary to install: one build counts what it runs while the bench loads it, and another is
# optimised by the counts (decision 0032). A quarter of an hour on two CPUs.
GUIDED = $(CURDIR)/target/guided
HOST = $(shell rustc --print host-tuple)
release:
	tests/setup.sh release
	rm -rf $(GUIDED)/counts $(GUIDED)/built
	RUSTFLAGS="-Cprofile-generate=$(GUIDED)/counts" cargo build --release --target-dir $(GUIDED)/counting --target "$(HOST)"
	$(GUIDED)/counting/$(HOST)/release/halftone bench train
	target/tools/bin/llvm-profdata merge -o $(GUIDED)/halftone.profdata $(GUIDED)/counts
	RUSTFLAGS="-Cprofile-use=$(GUIDED)/halftone.profdata" cargo build --release --target-dir $(GUIDED)/built --target "$(HOST)"
	cp $(GUIDED)/built/$(HOST)/release/halftone $(GUIDED)/halftone

# Measures it beside nginx: two CPUs, a few minutes after the build.
bench: release
	tests/setup.sh bench
	$(GUIDED)/halftone bench compare

# Measures it beside all, under every workload and with idle connections, and ramps: a quarter of an hour.
PEERS = halftone-epoll,halftone-glommio,nginx,haproxy,envoy
bench-full: release
	tests/setup.sh bench
	$(GUIDED)/halftone bench compare --peers $(PEERS),floor --workload plain,canary,short,b16k,b1m --rounds 3 --seconds 2
	$(GUIDED)/halftone bench compare --peers nginx,envoy --workload dimensions --rounds 3 --seconds 2
	$(GUIDED)/halftone bench compare --peers $(PEERS) --idle 15000
	$(GUIDED)/halftone bench ramp --peers nginx,envoy

# Counts the instructions of the decision path under valgrind, and compares with the counts in the repository.
instructions:
	tests/setup.sh instructions
	cargo bench -p halftone-bench --bench instructions

# Gives what reads strangers' bytes to a fuzzer, a minute each: coverage is the compiler's own, so that no other toolchain
# is needed. What was found before lies in target/fuzz/corpus, and is where the next run begins.
FUZZED = policy expression archive request response region token frame
FUZZ_SECONDS = 60
COVERED = -Cpasses=sancov-module $(addprefix -Cllvm-args=-sanitizer-coverage-,level=4 inline-8bit-counters pc-table trace-compares)
fuzz:
	RUSTFLAGS="$(COVERED)" cargo build --profile fuzz --target-dir target/fuzz --target "$$(rustc --print host-tuple)" -p halftone-fuzz --features libfuzzer
	mkdir -p $(addprefix target/fuzz/corpus/,$(FUZZED))
	for target in $(FUZZED); do FUZZ_TARGET=$$target target/fuzz/*/fuzz/halftone-fuzz target/fuzz/corpus/$$target -max_total_time=$(FUZZ_SECONDS) -max_len=65536 -artifact_prefix=target/fuzz/$$target- -print_final_stats=1 || exit 1; done

# Runs what is random or drawn longer than `make test` does: an hour or so. Each prints its seed.
soak: instructions fuzz
	HALFTONE_TEST_KILLS=1000 cargo test -p halftone-controlplane --test durability -- --nocapture
	ARCHIVE_FLIPS=1000000 cargo test -p halftone-core archive -- --nocapture
	POLICY_PAIRS=1000000 cargo test --test policy -- --nocapture
	PROPTEST_CASES=10000 cargo test -p halftone-core
	HALFTONE_SIM_SEEDS=2000 cargo test --test sim -- --nocapture
	cargo run --release -- bench ramp
