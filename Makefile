# make demo | test | table2 DATA=mpii TRAINER=gpu SEEDS=0,1,2 RECIPE=reduced | bench | lint
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DATA ?= mpii
TRAINER ?= default
RECIPE ?=
SEEDS ?= 0
RUNS ?= runs
ARGS ?=
# Of the models that are trained on MPII first, for tables on LSP: MPII_ARGS='data.root=DIR'.
MPII_ARGS ?= $(ARGS)
export NO_ALBUMENTATIONS_UPDATE = 1

.PHONY: demo test test-slow lint bench install clean help
help:
	@sed -n '1,1p' Makefile; echo "tables: $(TABLES)"

# The CPU build of torch where there is no GPU driver; constraints.txt holds the versions that the tests ran with.
install: $(VENV)/.installed
$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --upgrade pip
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev,docs]'
	touch $@

demo: install
	$(BIN)/posereg data make kind=mpii out=data/demo people=2400 size=128 style=plain workers=2
	$(BIN)/posereg train -m '+experiments/integral/table2=glob(*)' data=synthetic data.root=data/demo recipe=demo trainer.accelerator=cpu runs=runs/demo hydra.launcher.slots=2
	$(BIN)/posereg table integral/table2 runs=runs/demo root=data/demo

test: install
	$(BIN)/python -m pytest -n 2 -m 'not slow'

test-slow: install
	$(BIN)/python -m pytest -n 2 -m slow

lint: install
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports --no-cache

# docs/benchmarks.md with the figures of this machine; ARGS=--write puts them there, ARGS=bench_codecs.py runs one script.
bench: install
	$(BIN)/python scripts/write_benchmarks.py $(ARGS)

# What the papers' tables cost, docs/plan.md: to be written again when rows, networks or recipes change.
.PHONY: plan
plan: install
	$(BIN)/python scripts/write_plan.py docs/plan.md

# The documentation site, below site/. The command reference is written from the commands' own help.
.PHONY: docs
docs: install
	$(BIN)/python scripts/write_command_reference.py docs/commands.md
	NO_MKDOCS_2_WARNING=true $(BIN)/mkdocs build --strict --quiet

# Every table of results/ and the claims as pages below report/.
.PHONY: report
REPORT ?= report
report: install
	for folder in results/*_*_*; do \
	  name=$$(basename $$folder); paper=$${name%%_*}; rest=$${name#*_}; \
	  $(BIN)/posereg table $$paper/$${rest%%_*} runs=$$folder out=$(REPORT)/$$name || exit 1; \
	done
	$(BIN)/posereg claims runs=results out=$(REPORT)/claims

# One target a table: $(call table,NAME,EXPERIMENTS)
define table
TABLES += $(1)
.PHONY: $(1)
$(1): install
	$(BIN)/posereg train -m '+experiments/$(2)=glob(*)' data=$$(DATA) trainer=$$(TRAINER) $(addprefix recipe=,$(RECIPE)) seed=$(SEEDS) runs=$(RUNS) $(ARGS)
	$(BIN)/posereg table $(2) runs=$(RUNS)
endef
$(eval $(call table,table2,integral/table2))
$(eval $(call table,table3,integral/table3))
$(eval $(call table,table4,integral/table4))
$(eval $(call table,table5,integral/table5))
$(eval $(call table,table6,integral/table6))
$(eval $(call table,table7,integral/table7))
$(eval $(call table,table8,integral/table8))
table8: DATA = coco
$(eval $(call table,integral_training,integral/training))
$(eval $(call table,cascade_table5,cascade/table5))
$(eval $(call table,cascade_table6,cascade/table6))
$(eval $(call table,cascade_table7,cascade/table7))
cascade_table7: DATA = lsp
cascade_table7: cascade_mpii
$(eval $(call table,softargmax_table1,softargmax/table1))
$(eval $(call table,softargmax_table2,softargmax/table2))
$(eval $(call table,softargmax_table3,softargmax/table3))
$(eval $(call table,softargmax_table4,softargmax/table4))
softargmax_table2 softargmax_table3: DATA = lsp
softargmax_table2: softargmax_mpii
softargmax_table3: softargmax_table2
softargmax_table4: softargmax_table1

# The MPII models that cascade_table7 and softargmax_table2 start from.
.PHONY: cascade_mpii softargmax_mpii
cascade_mpii: install
	$(BIN)/posereg train -m +experiments/cascade/table5=Res,VGG data=mpii trainer=$(TRAINER) seed=$(SEEDS) runs=$(RUNS) $(MPII_ARGS)
softargmax_mpii: install
	$(BIN)/posereg train -m +experiments/softargmax/table1=context_08 data=mpii trainer=$(TRAINER) seed=$(SEEDS) runs=$(RUNS) $(MPII_ARGS)

$(eval $(call table,art_table1,art/table1))
$(eval $(call table,art_table2,art/table2))
$(eval $(call table,art_table3,art/table3))
$(eval $(call table,art_table4,art/table4))
$(eval $(call table,art_table5,art/table5))
art_table1 art_table2 art_table3 art_table4: DATA = coco
art_table5: DATA = crowdpose
art_table1 art_table3: art_table2
$(eval $(call table,volume_table1,volume/table1))
$(eval $(call table,volume_table2,volume/table2))
$(eval $(call table,volume_challenge,volume/challenge))
volume_table1 volume_table2 volume_challenge: DATA = h80k
$(eval $(call table,modern_coding,modern/coding))
$(eval $(call table,modern_regression,modern/regression))
$(eval $(call table,modern_trunks,modern/trunks))
modern_coding modern_regression modern_trunks: DATA = coco

# What each part of the shipped model's recipe brings; at 64x64: ARGS='input_scale=0.25 trainer.epochs=5'.
$(eval $(call table,body_recipe,body/recipe))
body_recipe: DATA = body

# The 3D system on two CPU cores, from drawing the people to the table: docs/data/h80k.md.
.PHONY: volume_demo
VOLUME := $(RUNS)/volume
VOLUME_DATA := data/volume
# ImageNet weights of the 2D model's ResNet-18 come from timm; WEIGHTS=backbone.weights=FILE for a local file.
WEIGHTS :=
volume_demo: install
	$(BIN)/posereg data make kind=mpii out=$(VOLUME_DATA)/mpii people=2400 size=128 style=plain workers=2
	$(BIN)/posereg data make kind=h80k out=$(VOLUME_DATA)/h80k images=6000 size=128 workers=2
	$(BIN)/posereg train method=H1 data=synthetic data.root=$(VOLUME_DATA)/mpii runs=$(VOLUME) recipe=reduced trainer=cpu \
	  schedule=cosine trainer.epochs=22 loader.limit_train=null method.optimizer.lr=0.001 augment.rotation=15 \
	  augment.scale=0.15 $(WEIGHTS)
	$(BIN)/posereg data project data=synthetic_h80k data.root=$(VOLUME_DATA)/h80k \
	  checkpoint=$(VOLUME)/synthetic/single/H1/seed0/last.ckpt
	$(BIN)/posereg train -m +experiments/volume/table2=baseline,box,mpii data=synthetic_h80k loader=mixed recipe=volume_reduced trainer=cpu \
	  data.root=$(VOLUME_DATA)/h80k loader.others.mpii.root=$(VOLUME_DATA)/mpii seed=0,1,2 runs=$(VOLUME) $(ARGS)
	$(BIN)/posereg table volume/table2 runs=$(VOLUME) root=$(VOLUME_DATA)/h80k

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache
