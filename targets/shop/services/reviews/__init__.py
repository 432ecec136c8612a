"""Reviews: what customers think of products."""
