"""The built-in base model `builtin:tiny`: its files, and the script that makes them."""
