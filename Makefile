# Every way to build, run and prove Cordboard; CI calls the same targets.
.PHONY: test check

test:
	cargo test --workspace

check:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- --deny warnings
