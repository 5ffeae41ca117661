# A hotline from a fresh clone: `make run`. Everything else: `make help`.
PYTHON ?= python3
BIN := .venv/bin
BOOTSTRAP = @$(PYTHON) -m tools.bootstrap
LOCK := uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11

.DEFAULT_GOAL := help
.PHONY: run upgrade test bench bench-speech bench-pages demo check check-python check-pages compose-test phone pages pictures lock clean-cache help

run: ## start everything, in the foreground; Ctrl-C ends it
	$(BOOTSTRAP)
	@exec $(BIN)/hotline run

upgrade: ## the version in this checkout takes over from the running one while calls go on
	$(BOOTSTRAP)
	@$(BIN)/hotline upgrade

test: ## checks and all tests, real Asterisk and real calls included
	@$(MAKE) --no-print-directory check
	@$(BIN)/python -m tests.run

check: ## formatting, types, who may import whom, and the pages' own types and style
	$(BOOTSTRAP) --dev
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target check-pages check-python

check-python:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check-pages:
	$(BIN)/python -m tools.build_pages --check

bench: ## how many calls per second this machine carries, against two plain alternatives
	$(BOOTSTRAP)
	@$(BIN)/python -m bench

bench-speech: ## how many callers may speak at once, and what recognition costs
	$(BOOTSTRAP) --dev
	@$(BIN)/python -m bench.ears
	@$(BIN)/python -m bench.spoken
	@$(BIN)/python -m bench.soak

bench-pages: ## what the web pages weigh, and whether the wallboard stays smooth (Chromium, about 25 minutes)
	$(BOOTSTRAP) --dev
	@$(BIN)/python -m bench.pages

demo: ## start everything, one robot agent and three robot citizens; print their calls and tickets; end
	$(BOOTSTRAP)
	@$(BIN)/hotline demo

compose-test: ## build and try docker-compose.yml (needs Docker)
	$(BOOTSTRAP)
	@$(BIN)/python -m tests.compose

phone: ## try again to get the SIP phone of `hotline call`
	$(BOOTSTRAP) --phone

pages: ## try again to build the web pages
	@$(PYTHON) -m tools.build_pages

pictures: ## docs/pictures: what the pages look like, taken from a hotline with a sample city
	$(BOOTSTRAP) --dev
	@$(BIN)/python -m tests.browser.pictures

lock: ## renew requirements/*.lock from *.in (needs uv)
	cd requirements && for name in build run dev node phone voice; do $(LOCK) --upgrade $$name.in -o $$name.lock || exit 1; done

clean-cache: ## remove the environments and the unpacked Asterisk (recordings and database stay)
	rm -rf .venv .venv-phone "$${XDG_CACHE_HOME:-$$HOME/.cache}/hotline"

help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile
