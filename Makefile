PYTHON ?= .venv/bin/python

.PHONY: help run demo test check format lint types layers fix smoke bench clean
