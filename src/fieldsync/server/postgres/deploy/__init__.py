"""From one catalog to the next: `plan` finds the steps, `retype` says how a type may change, `apply` runs them."""
