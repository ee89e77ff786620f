"""Run ``kanseq`` as ``python -m kanseq``."""

from kanseq.cli.main import run

if __name__ == "__main__":
    run()
