"""What the services of the shop share: the client of an edge, the stores, and the frame that an app stands in."""
