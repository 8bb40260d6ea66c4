"""The command `completion`: prints the script by which a shell completes this program's
commands and options.

Used by `cli`.
"""

from __future__ import annotations

from typing import Literal

import cyclopts


def register(app: cyclopts.App) -> None:
    """Give `app` the command."""

    @app.command
    def completion(shell: Literal["bash", "zsh", "fish"]) -> None:
        """Print the completion script of a shell, for the file that the shell looks into:
        ~/.local/share/bash-completion/completions/queue-services, _queue-services in a folder
        of $fpath, or ~/.config/fish/completions/queue-services.fish.
        """
        print(app.generate_completion(shell=shell))
