"""The command line: parse, call one library function, print.

``app`` holds the application and how a run ends; the other modules hold the commands, one module
for what they are about. Importing a module of commands registers them, in the order of the help.
"""

# Registered in this order: isort would put agreement first.
from qiutong.cli import documents as documents  # isort: skip
from qiutong.cli import coding as coding  # isort: skip
from qiutong.cli import agreement as agreement  # isort: skip
from qiutong.cli import sampling as sampling  # isort: skip
from qiutong.cli import results as results  # isort: skip
from qiutong.cli import books as books  # isort: skip
from qiutong.cli.app import app, main

__all__ = ["app", "main"]
