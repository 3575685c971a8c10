# Each target is a line anyone can paste; the logic is Rust under test.
.PHONY: run test check bench

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

# Measures this gateway beside nginx: two CPUs, a few minutes.
bench:
	tests/setup.sh bench
	cargo run --release -- bench compare
