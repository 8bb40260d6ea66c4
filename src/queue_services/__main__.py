"""`python -m queue_services` is the command `queue-services`."""

from queue_services.cli import main

if __name__ == "__main__":
    main()
