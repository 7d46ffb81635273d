"""`python -m liuli`, and so `torchrun -m liuli`: the same as the command `liuli`."""

from liuli.cli import main

if __name__ == "__main__":
    main()
