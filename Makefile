# Every way to build, run and prove Cordboard; CI calls the same targets.
.PHONY: demo test check sim bench bless

# The server with a demo account: queues, workers, workflows and items to look at.
demo:
	cargo build --quiet --release
	scripts/demo.sh

# Everything: installs what is missing, then unit, integration, simulation and fuzzing.
test:
	scripts/install-test-needs.sh
	cargo test --workspace
	cargo build --quiet --package cordboard
	scripts/fuzz-api.sh

check:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- --deny warnings

# One seed of the simulator, or many: SEED=7 STEPS=500 SEEDS=1000 PLANT=LifoAsFifo.
sim:
	SEED=$(or $(SEED),1) STEPS=$(or $(STEPS),1000) SEEDS=$(or $(SEEDS),1) PLANT=$(PLANT) cargo run --quiet --release --package cordboard-sim --bin sim

# Accepts what the scripts give now; read the difference before committing it.
bless:
	UPDATE_EXPECT=1 cargo test --package cordboard-sim --test check every_script
	UPDATE_EXPECT=1 cargo test --package cordboard --test it openapi
	UPDATE_EXPECT=1 cargo test --package cordboard --test it event_docs

# One bench by name: decision, lifecycle, http, restart, memory, fanout, webhooks, statistics, sip_parse.
bench:
	cargo bench --package $(if $(filter sip_%,$(NAME)),cordboard-sip,cordboard) --bench $(NAME)
