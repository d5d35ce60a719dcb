"""`python -m trainer`, and what torchrun starts on every GPU."""

from trainer.cli.app import main

main()
