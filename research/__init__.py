"""Analyses of markets and of runs."""
