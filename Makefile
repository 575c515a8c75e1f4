# The targets are what users and CI run; `make` lists them. Each does its own set-up.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

TARGET   := x86_64-unknown-linux-musl
RELEASE  := target/$(TARGET)/release
ARCHS    ?= amd64 arm64
PROGRAMS := kapacitord kapacitorctl kapacitor kapacitor-operator simulate

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

.PHONY: setup
setup: ## install what building and testing needs (Debian packages, Rust target)
	@e2e/setup.sh

.PHONY: programs
programs: setup ## build the static release programs
	@e2e/programs.sh

.PHONY: images
images: setup ## build images as OCI archives in target/images, with buildah, podman, docker or without any; ARCHS="amd64 arm64" (both by default)
	@for arch in $(ARCHS); do programs=$$(e2e/programs.sh $$arch); e2e/images.sh "$$programs" target/images $$arch; done

.PHONY: demo
demo: programs ## show a cluster of three at work; INFLUX=1 takes the points from a real influxd
	@e2e/demo/demo.py --programs $(RELEASE) $(if $(INFLUX),--influx)

.PHONY: demo-arm64
demo-arm64: setup ## the same with the cross-built programs for arm64, under qemu
	@e2e/setup.sh qemu-user-static
	@programs=$$(e2e/programs.sh arm64); e2e/demo/demo.py --programs "$$(e2e/emulated.sh "$$programs")"

.PHONY: kube-demo
kube-demo: $(if $(KUBECONFIG),,programs) ## show the operator at work on a real Kubernetes: one of one node, or that of KUBECONFIG
	@e2e/demo/kube.py --programs $(RELEASE)

.PHONY: check
check: setup ## format, lints and the pure tests: what to run while working
	cargo fmt --all --check
	cargo clippy --quiet --workspace --all-targets -- -D warnings
	cargo test --quiet

.PHONY: test
test: setup ## everything: lints, pure, simulated, in-process, processes with a real influxd, a real Kubernetes
	@e2e/test.sh

.PHONY: e2e
e2e: programs ## scenarios of clusters on a real one-node Kubernetes, some side by side
	@e2e/kube/run.sh $(RELEASE)

.PHONY: bench
bench: programs ## instructions per point and rates, in the form of docs/benchmarks.md
	@e2e/setup.sh valgrind prometheus-alertmanager
	@e2e/bench/bench.sh $(RELEASE)

.PHONY: kube-bench
kube-bench: programs ## figures of the operator on a real Kubernetes, in the form of docs/benchmarks.md: memory, times, writes at rest
	@e2e/bench/kube.py --programs $(RELEASE)

.PHONY: soak
soak: programs ## the long simulations
	$(RELEASE)/simulate chaos --members 5 --seeds 0..10000 --minutes 10

.PHONY: mutate
mutate: setup ## break the source on purpose, fault by fault: the seeds of the random worlds must catch each
	@e2e/setup.sh patch
	@e2e/mutate.sh

.PHONY: model
model: setup ## check every configuration of the model of de-duplication: up to five minutes each, 3 GB of memory and more
	@MODEL="$(MODEL)" cargo test -p dedup --lib all_configurations -- --ignored --nocapture

.PHONY: fuzz
fuzz: setup ## feed garbage to everything that reads bytes of others, 10 minutes each; FUZZ_SECONDS=30 is a glance
	@e2e/fuzz.sh $(or $(FUZZ_SECONDS),600)

.PHONY: generated
generated: ## rewrite what is generated: crds/, chart copies, renders and READMEs, sample configuration
	e2e/kube/build.sh helm
	UPDATE=1 cargo test --quiet -p kapacitor-operator -p e2e generated

.PHONY: kube-up kube-down
kube-up: setup ## start a one-node Kubernetes for playing (state below e2e/kube)
	e2e/kube/build.sh helm && e2e/kube/up.sh
kube-down: ## stop it
	e2e/kube/down.sh
