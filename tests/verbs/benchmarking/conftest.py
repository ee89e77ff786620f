"""The collection of the suites' tests."""

from tests.suites.conftest import gue as gue
