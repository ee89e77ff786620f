"""``python -m kanseq`` is ``kanseq``."""

from kanseq.cli.main import run

if __name__ == "__main__":
    run()
