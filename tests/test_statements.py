"""Every statement of every installed paper is a test with the marker ``lemma``."""

from fsrcheck.pytest_plugin import statement_tests

test_statement = statement_tests()
