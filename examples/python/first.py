"""The first program: a sandbox, a command, its output.

DAYTONA_API_URL=local python first.py
"""

# region: first
from daytona import Daytona

with Daytona() as daytona, daytona.create() as sandbox:
    print(sandbox.process.exec("echo hello").result)
# endregion
