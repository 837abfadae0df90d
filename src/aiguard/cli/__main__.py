"""`python -m aiguard.cli` does what `aiguard` does."""

from aiguard.cli import main

main()
