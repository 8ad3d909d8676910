"""Mutation testing on demand (``make mutants``): would the tests notice if the code were wrong?

A thin driver of mutmut: it copies the project, draws the sample, chooses the tests, and writes what it found.
"""
