"""`python -m trainer`, and what torchrun starts on every GPU."""

from trainer.cli import main

main()
