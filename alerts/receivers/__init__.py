"""How a notification gets to somebody: one module per kind of receiver."""
