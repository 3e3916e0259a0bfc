"""Who may call what: keys with scopes, sessions of browsers, and when neither is needed."""
