"""Measurements: scripts with a reference beside them in the same run, never tests."""
