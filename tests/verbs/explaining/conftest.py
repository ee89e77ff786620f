"""The set, genome and runs of the attribution tests."""

from tests.attribution.conftest import contigs as contigs
from tests.attribution.conftest import gene_file as gene_file
from tests.attribution.conftest import genes as genes
from tests.attribution.conftest import make_run as make_run
