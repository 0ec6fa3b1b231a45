.DEFAULT_GOAL := help
TOOL := go tool -modfile=tools/go.mod
# The benchmarks are a module of their own.
BENCH := cd bench && export GOWORK=off &&
# So is a program of Chirp's, which examples/chirp/go.work joins to this one.
ACCOUNTSD := cd examples/chirp/accountsd &&
PROTOS = $(shell git ls-files '*.proto')
# For each fuzz target. Inputs are not made smaller: that would take all of so short a time.
FUZZTIME ?= 10s

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z\/]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

all: build lint test ## Build, lint and test

build: ## Build everything
	go build ./...
	$(ACCOUNTSD) go build -o /dev/null .

test: ## Run every test, as the README says
	go test ./...
	$(ACCOUNTSD) go test ./...

test/race: ## Run the tests of kernel, links, policies and fleet with the race detector
	go test -race . ./plan ./link/... ./policy ./balance ./transcode ./gateway/... ./seam ./telemetry ./store/... ./run ./fleet ./kit ./kerftest

lint: ## Run golangci-lint
	$(TOOL) golangci-lint run
	$(BENCH) go tool -modfile=../tools/go.mod golangci-lint run
	$(ACCOUNTSD) GOWORK=off go tool -modfile=../../../tools/go.mod golangci-lint run

generate: ## Write generated code, the plan's schema and help texts anew
	go -C tools run ./protoimage .. $(PROTOS) | $(TOOL) buf generate - $(PROTOS:%=--path %)
	go test ./plan ./run ./cmd/kerf -update > /dev/null
	go test ./docs -run Schema -update > /dev/null

verify: generate ## Fail if generated files or go.mod are not as they should be
	go mod tidy -diff
	$(BENCH) go mod tidy -diff && cd gateway && go mod tidy -diff
	$(ACCOUNTSD) GOWORK=off go mod tidy -diff
	@git diff --exit-code && test -z "$$(git status --porcelain)" || \
		{ git status --short; echo 'generated files differ from what is committed: run "make generate" and commit'; exit 1; }

cover: ## Show how much of the code the tests reach
	go test -coverpkg=./... -coverprofile=cover.out ./... > /dev/null
	go tool cover -func=cover.out | tail -1

bench: ## Measure links beside their peers (minutes), and write docs/benchmarks.md
	$(BENCH) go run . --date $$(date +%F) --out ../docs/benchmarks.md --check

compare: ## Measure Chirp's plans beside each other (minutes), and write the table of docs/comparison.md
	go run ./examples/chirp compare --passes 2 --into docs/comparison.md

bench/gateway: ## Measure the gateway beside its peers (minutes; needs nginx)
	cd bench/gateway && GOWORK=off go build -o "$${TMPDIR:-/tmp}/kerf-bench-gateway" . && "$${TMPDIR:-/tmp}/kerf-bench-gateway" --check

bench/test: ## Build, vet and test the module that measures
	$(BENCH) go vet ./... && go test ./... && cd gateway && go vet ./...

bench/go: ## Run the Go benchmarks
	go test -run '^$$' -bench . -benchmem ./...

fuzz: ## Run each fuzz target for FUZZTIME, or 10s
	@git grep -n '^func Fuzz' -- '*_test.go' | sed -E 's|^(.*)/[^/]*:[0-9]+:func (Fuzz[A-Za-z0-9]+).*|./\1 \2|' | \
		while read -r pkg name; do echo "$$pkg $$name"; go test "$$pkg" -run '^$$' -fuzz "^$$name$$" \
		-fuzztime $(FUZZTIME) -fuzzminimizetime 1x || exit 1; done

.PHONY: help all build test test/race lint generate verify cover bench compare bench/test bench/go fuzz
