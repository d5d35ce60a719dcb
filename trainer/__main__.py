"""`python -m trainer`; torchrun starts it on every GPU."""

from trainer.cli.app import main

main()
