# Deux commandes : « make lab » et « make test ». « make help » dit le reste.
#
# Rien n'est réinstallé tant que requirements.txt et pyproject.toml n'ont pas changé : chaque installation
# réussie laisse un témoin vide dans .venv, que make compare à ces deux fichiers.

# Le premier Python assez récent de cette liste sert à créer .venv ; « make lab PYTHON=python3.12 » l'impose.
PYTHON ?= python3 python3.13 python3.12 python3.11 python3.14 python
TORCH ?=

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --disable-pip-version-check
SOURCES := requirements.txt pyproject.toml

.PHONY: help install lab test bench latence versions endurance apercus site campagne
.DEFAULT_GOAL := help

help:
	@echo "make lab      crée .venv au premier appel, puis ouvre la séance dans JupyterLab"
	@echo "make install  prépare .venv sans rien ouvrir (pour VS Code, par exemple)"
	@echo "make test     installe les outils de test, puis vérifie tout : code, notebooks, navigateur"
	@echo "make bench    mesure le temps et la mémoire du cours et de la pratique courante, côte à côte"
	@echo "make latence  mesure, dans un navigateur, le temps entre une touche et l'image nouvelle"
	@echo "make versions essaie chaque Python présent, avec les bibliothèques les plus anciennes puis les plus récentes"
	@echo "make endurance exécute chaque notebook deux fois dans le même noyau et mesure sa mémoire"
	@echo "make apercus  refait les images de notebooks/figures que montre le README"
	@echo "make site     écrit dans site/ les notebooks exécutés, les campagnes et les pages à imprimer"
	@echo "make campagne liste les campagnes d'expériences ; NOM=… en fait une, ou la reprend où elle en était"
	@echo "make help     affiche cette aide"
	@echo
	@echo "Options : PYTHON=python3.12 choisit le Python qui crée .venv (3.11 au moins) ;"
	@echo "          TORCH=cpu, à la première installation, évite les gigaoctets de CUDA ;"
	@echo "          BENCH=--cours, pour make bench, exécute aussi tous les notebooks ;"
	@echo "          BENCH='--seulement rkd --tailles' mesure la perte des angles, taille par taille."

install: $(VENV)/.lab

lab: $(VENV)/.lab
	@$(PY) lab/start.py

test: $(VENV)/.test
	@$(PY) -m ruff check .
	@$(PY) -m mypy
	@$(PY) -m pytest

bench: $(VENV)/.test
	@$(PY) -m benchmarks $(BENCH)

latence: $(VENV)/.test
	@$(PY) -m benchmarks.latency

versions: $(VENV)/.test
	@$(PIP) -q uv
	@$(PY) tests/versions.py

endurance: $(VENV)/.test
	@$(PY) -m tests.endurance

apercus: $(VENV)/.test
	@COURS_APERCUS=1 COURS_NAVIGATEUR=obligatoire $(PY) -m pytest -p no:nbval -o addopts=--import-mode=importlib tests/browser/test_notebooks.py

site: $(VENV)/.site
	@$(PY) -m lab.site

campagne: $(VENV)/.campagne
	@$(PY) -m experiments.run $(NOM) $(CAMPAGNE)

$(VENV)/.venv:
	@for python in $(PYTHON); do \
		if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			if ! $$python -c 'import venv, ensurepip' 2>/dev/null; then \
				echo "Le module venv de $$python manque : installez-le (Debian, Ubuntu : sudo apt install python3-venv), puis recommencez."; \
				exit 1; \
			fi; \
			echo "Création de $(VENV) avec $$($$python --version)."; \
			$$python -m venv $(VENV) && touch $@; \
			exit; \
		fi; \
	done; \
	echo "Aucun Python 3.11 ou plus récent n'a été trouvé (essayés : $(PYTHON)) : installez-en un, ou nommez-le par « make lab PYTHON=/chemin/vers/python »."; \
	exit 1

$(VENV)/.lab: $(SOURCES) | $(VENV)/.venv
	@echo "Installation : quelques minutes la première fois."
ifeq ($(TORCH),cpu)
	@$(PIP) uv
	@# comme les pip récents, uv fait confiance aux certificats du système (un proxy d'université y met le sien)
	@UV_SYSTEM_CERTS=1 UV_NATIVE_TLS=1 $(PY) -m uv pip install --python $(PY) --torch-backend=cpu -r requirements.txt
endif
	@$(PIP) -e .
	@touch $@

$(VENV)/.test: $(VENV)/.lab tests/colab.txt
	@$(PIP) -q -e ".[test]"
	@$(PIP) -q --no-deps --upgrade --target $(VENV)/colab -r tests/colab.txt
	@touch $@

$(VENV)/.site: $(VENV)/.lab
	@$(PIP) -q -e ".[site]"
	@touch $@

$(VENV)/.campagne: $(VENV)/.lab
	@$(PIP) -q -e ".[campagne]"
	@touch $@
