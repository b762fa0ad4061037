"""Who gets what: sync rules, sharing and tokens as one SOQL condition an object, compiled for one person's device."""
