"""Users: accounts, signing in, and the signed tokens by which everybody in the shop knows everybody else."""
