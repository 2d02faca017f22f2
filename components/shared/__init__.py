"""What two or more stages use. Torch-free, unless a module says otherwise in its first line."""
