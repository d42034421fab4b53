# The words here are the words of CI: `make check` and `make test` are all it runs (.ci/run).
# One cargo target directory for everything; nothing is written outside the repository but what `make setup` installs.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

export DAYTONA_TOOLS := $(CURDIR)/target/tools
export PATH := $(DAYTONA_TOOLS)/venv/bin:$(PATH)
export CARGO_INCREMENTAL ?= 0

.PHONY: help setup build everything codegen check advisories test test-rust test-packages conformance test-kubernetes test-postgres stress quickstart dist docs fuzz bench clean

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: ## Install what is missing: Debian packages, tools below target/, the engine's snapshot
	@scripts/setup

codegen: ## Write everything that follows from the core's sources
	cargo xtask codegen

build: setup ## Build the libraries, packages and the daytona program
	@scripts/build

everything: setup
	@scripts/build --all

check: everything ## Format, lints and types of every language, and that generated code is up to date
	@scripts/check

advisories: setup ## Known defects of the packages we build on; fetches the RustSec database
	@cargo deny --locked check advisories

test: dist ## Everything: unit tests, conformance, faults, stress, installed packages
	@scripts/test

conformance: everything ## The shared cases in every language, and the table of results
	@scripts/conformance

dist: everything ## Wheels, npm tarballs, gems and Go modules in dist/
	@scripts/dist

quickstart: build ## The same program in every language, on the local engine
	@scripts/quickstart

test-kubernetes: setup ## Sandboxes as pods: a scripted API, then a cluster that is built, started and ended (as root)
	@tests/kubernetes/run.sh

test-postgres: ## An engine's state in PostgreSQL: the contract of stores, several replicas at once, a server that dies
	@scripts/test-postgres

docs: setup ## The documentation as a site, in target/site
	@scripts/site

fuzz: setup ## A minute of each fuzz target: what is read from the other side of a connection
	@scripts/fuzz

bench: everything ## Benchmarks, with ratios to a bare HTTP client
	@scripts/bench

clean: ## Remove everything built
	cargo clean
	rm -rf dist node/node_modules
