# Every way to build, run and prove Cordboard; CI calls the same targets.
.PHONY: test check sim bless

test:
	cargo test --workspace

check:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- --deny warnings

# One seed of the simulator, or many: SEED=7 STEPS=500 SEEDS=1000 PLANT=LifoAsFifo.
sim:
	SEED=$(or $(SEED),1) STEPS=$(or $(STEPS),1000) SEEDS=$(or $(SEEDS),1) PLANT=$(PLANT) cargo run --quiet --release --package cordboard-sim --bin sim

# Accepts what the scripts give now; read the difference before committing it.
bless:
	UPDATE_EXPECT=1 cargo test --package cordboard-sim --test check every_script
