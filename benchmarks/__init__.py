"""Benchmarks on plates with exact truth: every figure the project quotes is made by a command in here."""
