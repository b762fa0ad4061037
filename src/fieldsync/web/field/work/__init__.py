"""Records of any object, read and entered by their page layout: families with their details, related lists, lookups."""
