"""The product's own packs, as YAML files, and the JSON schema that editors check pack files against."""
