"""``python -m qiutong.cli``."""

from qiutong.cli import main

main()
