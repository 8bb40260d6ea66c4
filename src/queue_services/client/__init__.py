"""What an application installs: it talks to Queue Services over HTTP and imports nothing else of this project."""
