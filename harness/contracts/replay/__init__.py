"""Requests to ask again under a fault: from pacts, from the document's examples, from cases of a fuzzer."""
