"""Where a process spends its time and memory: stacks that are counted, and how they are told."""
