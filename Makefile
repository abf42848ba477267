# Everything a newcomer types. `make` alone explains itself.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
PY := $(VENV)/bin/python
CIM := $(VENV)/bin/cim
WORKERS ?= $(shell nproc)
SAMPLE := data-samples/huating
export PYTHONUTF8 := 1

.PHONY: help demo stop test check lint types contracts bench setup setup-test viewer sample screenshots
.PHONY: ingest-oblique ingest-ortho ingest-dem ingest-points ingest-vector ingest-buildings
.PHONY: ingest-mesh lock clean

need-src = @test -n "$(SRC)" || { echo "give SRC=path of the delivery"; exit 2; }

help: ## explain the targets
	@echo "CIM 时空信息平台"; echo
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 20

demo: setup viewer ## install, ingest the sample city, serve it at a printed local address
	@$(CIM) deliveries $(SAMPLE)/deliveries.toml --workers $(WORKERS)
	@$(CIM) serve

stop: ## stop the private database (the server itself stops with Ctrl-C)
	@$(CIM) db down

test: setup-test viewer ## install, check style, types and contracts, run the whole suite
	@$(MAKE) --no-print-directory check
	@$(PY) -m pytest -n $(WORKERS) -q $(ARGS)

check: lint types contracts ## style, types, import contracts

lint: ## style of the Python code
	@$(VENV)/bin/ruff format --check -q . && $(VENV)/bin/ruff check -q .

types: ## strict types of the Python code
	@$(VENV)/bin/mypy

contracts: ## floors of the house: who may import whom
	@$(VENV)/bin/lint-imports --no-cache > var/contracts.log 2>&1 || { cat var/contracts.log; exit 1; }

bench: setup-test ## measure our speed beside installed peers (ARGS=--all: the long ones too)
	@$(PY) -m tests.bench $(ARGS)

setup: ## install what serving needs (system packages, Python packages)
	@scripts/setup.sh serve

setup-test: ## install what the tests need as well (browser, oracles)
	@scripts/setup.sh test

viewer: ## build the viewer if its sources changed
	@viewer/build.sh $(VENV)

sample: ## make the sample city anew from its scene
	@$(PY) data-samples/generate.py --out $(SAMPLE)

screenshots: ## take the pictures of the documentation from a running server (URL=...)
	@$(PY) viewer/screenshot.py $(or $(URL),http://127.0.0.1:8000/)

ingest-oblique: LAYER ?= base.oblique
ingest-oblique: setup ## SRC=folder with metadata.xml: OSGB oblique photography → 3D Tiles
	$(need-src)
	@$(CIM) ingest $(SRC) --layer $(LAYER) $(ARGS)

ingest-ortho: LAYER ?= base.ortho
ingest-ortho: setup ## SRC=folder of GeoTIFFs: orthophoto → COG and XYZ tiles
	$(need-src)
	@$(CIM) ingest $(SRC) --layer $(LAYER) $(ARGS)

ingest-dem: LAYER ?= base.dem
ingest-dem: setup ## SRC=folder of GeoTIFFs: elevation model → terrain tiles
	$(need-src)
	@$(CIM) ingest $(SRC) --layer $(LAYER) $(ARGS)

ingest-vector: setup ## SRC=file LAYER=id: any vector file → table, MVT, GeoJSON
	$(need-src)
	@test -n "$(LAYER)" || { echo "give LAYER=<topic>.<noun>; 'cim layers list' names them"; exit 2; }
	@$(CIM) ingest $(SRC) --layer $(LAYER) $(ARGS)

ingest-buildings: LAYER ?= base.building_model
ingest-buildings: setup ## SRC=file: footprints or CityJSON → building models, 3D Tiles
	$(need-src)
	@$(CIM) ingest $(SRC) --layer $(LAYER) $(ARGS)

ingest-points: LAYER ?= base.point_cloud
ingest-points: setup ## SRC=folder of LAS, LAZ, COPC: point cloud → 3D Tiles
	$(need-src)
	@$(CIM) ingest $(SRC) --layer $(LAYER) $(ARGS)

ingest-mesh: setup ## SRC=model.obj LAYER=id ARGS="--crs ... --origin ...": flat mesh → 3D Tiles
	$(need-src)
	@test -n "$(LAYER)" || { echo "give LAYER=<topic>.<noun>, such as base.site_model"; exit 2; }
	@$(CIM) ingest $(SRC) --layer $(LAYER) $(ARGS)

lock: ## pin all dependencies anew, with hashes
	@requirements/compile.sh

clean: ## remove what was built; keep data (var/) and downloads
	@rm -rf viewer/dist .mypy_cache .ruff_cache .pytest_cache
