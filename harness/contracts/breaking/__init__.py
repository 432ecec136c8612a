"""What a change of a document or of an event breaks, and for whom."""
